package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// manyTexts returns different texts as items of a JSON list.
func manyTexts(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`"%x"`, i)
	}
	return strings.Join(items, ",")
}

func manyIDs(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`"0198a1b2-0000-7000-8000-%012x"`, i)
	}
	return strings.Join(items, ",")
}

// Each item of these lists needs its own lookup.
func TestLists_ofNamesAreLimited(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path, body string // with the list in place of %s
		list       func(int) string
		most       int
	}{
		"increment": {"/v2/concurrency_limits/increment", `{"slots":1,"names":[%s]}`, manyTexts, 1000},
		"with lease": {
			"/v2/concurrency_limits/increment-with-lease", `{"slots":1,"names":[%s]}`, manyTexts, 1000,
		},
		"decrement":         {"/v2/concurrency_limits/decrement", `{"slots":1,"names":[%s]}`, manyTexts, 1000},
		"increment of tags": {"/concurrency_limits/increment", `{"task_run_id":"` + idKnown + `","names":[%s]}`, manyTexts, 1000},
		"decrement of tags": {"/concurrency_limits/decrement", `{"task_run_id":"` + idKnown + `","names":[%s]}`, manyTexts, 1000},
		"reset":             {"/concurrency_limits/tag/a/reset", `{"slot_override":[%s]}`, manyIDs, 2500},
		"workers of a task": {"/task_workers/filter", `{"task_worker_filter":{"task_keys":[%s]}}`, manyTexts, 1000},
		"a longer list":     {"/v2/concurrency_limits/increment", `{"slots":1,"names":["x",%s]}`, manyTexts, 1000 - 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} })
			if w := f.ask(t, http.MethodPost, tc.path, fmt.Sprintf(tc.body, tc.list(tc.most))); w.Code >= http.StatusBadRequest {
				t.Errorf("%d items: status %d %.200s, want success", tc.most, w.Code, w.Body)
			}
			w := f.ask(t, http.MethodPost, tc.path, fmt.Sprintf(tc.body, tc.list(tc.most+1)))
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "at most") {
				t.Errorf("%d items: status %d %.200s, want 422 that names the limit", tc.most+1, w.Code, w.Body)
			}
		})
	}
}

func TestSubscription_numberOfTaskKeysIsLimited(t *testing.T) {
	t.Parallel()
	subscribe := func(n int) string { return `{"type":"subscribe","client_id":"c","keys":["0",` + manyTexts(n) + `]}` }
	inBubble(t, func(w *socketFixture) {
		w.open(w.t, pathSubscription).send(w.t, subscribe(1000))
		p := w.open(w.t, pathSubscription)
		p.send(w.t, subscribe(1000+1))
		p.expectEnd(w.t, end{4001, violationText + "at most 1000 'keys' in subscribe message"})
		synctest.Wait()
		w.deliveries.mu.Lock()
		subscribed := len(w.deliveries.calls)
		w.deliveries.mu.Unlock()
		if subscribed != 1000 {
			w.t.Errorf("%d keys were subscribed to, want %d", subscribed, 1000)
		}
	})
}

func TestEventFilter_numberOfPatternsIsLimited(t *testing.T) {
	t.Parallel()
	for name, filter := range map[string]string{
		"prefixes of names":           `{"event":{"prefix":[%s]}}`,
		"excluded prefixes":           `{"event":{"exclude_prefix":[%s]}}`,
		"prefixes of ids":             `{"resource":{"id_prefix":[%s]}}`,
		"values of a label":           `{"resource":{"labels":{"a":[%s]}}}`,
		"labels of related resources": `{"related":{"labels":{"a":[%s]}}}`,
		"labels of any resource":      `{"any_resource":{"id_prefix":[%s]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				frame := func(n int) string { return `{"type":"filter","filter":` + fmt.Sprintf(filter, manyTexts(n)) + `}` }
				w.open(w.t, pathEventsOut).send(w.t, frame(100))
				p := w.open(w.t, pathEventsOut)
				p.send(w.t, frame(100+1))
				if got := p.ended(w.t); got.Code != 1002 || !strings.Contains(got.Reason, "at most 100") {
					w.t.Errorf("end = %v, want 1002 that names the limit", got)
				}
			})
		})
	}
	inBubble(t, func(w *socketFixture) { // there is no limit on values that are compared as a whole
		p := w.open(w.t, pathEventsOut)
		p.send(w.t, `{"type":"filter","filter":{"resource":{"id":[`+manyTexts(5000)+`]}}}`)
		p.silent(w.t)
	})
}
