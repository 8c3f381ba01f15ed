package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestMeta_routes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	cases := map[string]struct {
		path   string
		status int
		want   string
	}{
		"health":             {"/health", http.StatusOK, `true`},
		"ready":              {"/ready", http.StatusOK, `{"message":"OK"}`},
		"hello":              {"/hello", http.StatusOK, `"👋"`},
		"version":            {"/version", http.StatusOK, `"0.8.4"`},
		"version of Prefect": {"/admin/version", http.StatusOK, `"3.9.1"`},
		"CSRF is disabled":   {"/csrf-token?client=abc", http.StatusUnprocessableEntity, `{"detail":"CSRF protection is disabled."}`},
		"a token without a client": {
			"/csrf-token", http.StatusUnprocessableEntity,
			`{"exception_message":"Invalid request received.","exception_detail":[{"type":"missing","loc":["query","client"],` +
				`"msg":"Field required","input":null}],"request_body":null}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, http.MethodGet, tc.path, "")
			if w.Code != tc.status || w.Body.String() != tc.want {
				t.Errorf("answer = %d %s, want %d %s", w.Code, w.Body, tc.status, tc.want)
			}
			if got := w.Header().Get("Content-Type"); got != typeJSON {
				t.Errorf("Content-Type = %q, want %q", got, typeJSON)
			}
		})
	}
}

func TestVersion_ofPrefectCanBeSet(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.PrefectVersion = "3.4.0" })
	if got := f.must(t, http.StatusOK, http.MethodGet, "/admin/version", ""); got != `"3.4.0"` {
		t.Errorf("version = %s, want 3.4.0", got)
	}
}

func TestRuns_aRunIsCreatedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	create := `{"id":"` + idKnown + `","name":"calm-otter","task_key":"add-1a2b3c4d","dynamic_key":"0","tags":["a"]}`
	made := f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/", create)
	if got := f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, ""); got != made {
		t.Errorf("the run read is not the run made:\n%s", cmp.Diff(made, got))
	}
	if got := f.must(t, http.StatusOK, http.MethodPost, "/task_runs/", create); got != made {
		t.Errorf("made again it differs:\n%s", cmp.Diff(made, got))
	}
}

func TestSetState_acceptedStateIsWritten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	before := sample.Member(t, f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, ""), "state")
	f.clock.Step(time.Second)
	result := f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/"+idKnown+"/set_state", `{"state":{"type":"RUNNING"}}`)
	state := sample.Member(t, result, "state")
	if got := sample.Member(t, result, "details"); sample.Member(t, result, "status") != `"ACCEPT"` || got != `{"type":"accept_details"}` {
		t.Errorf("result = %s, want it accepted", result)
	}
	id := strings.Trim(sample.Member(t, state, "id"), `"`)
	if got := f.must(t, http.StatusOK, http.MethodGet, "/task_run_states/"+id, ""); got != state {
		t.Errorf("the state read is not the state written:\n%s", cmp.Diff(state, got))
	}
	want := "[" + before + "," + state + "]"
	if got := f.must(t, http.StatusOK, http.MethodGet, "/task_run_states/?task_run_id="+idKnown, ""); got != want {
		t.Errorf("states:\n%s", cmp.Diff(want, got))
	}
	f.clock.Step(10 * time.Second)
	run := f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, "")
	for key, want := range map[string]string{
		"state": state, "run_count": "1", "estimated_run_time": "10.0", "estimated_start_time_delta": "1.0",
		"start_time": `"2026-08-21T12:00:01Z"`, "end_time": "null",
	} {
		if got := sample.Member(t, run, key); got != want {
			t.Errorf("%s = %s, want %s", key, got, want)
		}
	}
}

func TestRuns_areFoundUntilTheyAreDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	run := f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, "")
	for _, step := range []struct {
		status                   int
		method, path, body, want string
	}{
		{http.StatusOK, http.MethodPost, "/task_runs/filter", "{}", "[" + run + "]"},
		{http.StatusOK, http.MethodPost, "/task_runs/count", "", "1"},
		{http.StatusNoContent, http.MethodDelete, "/task_runs/" + idKnown, "", ""},
		{http.StatusNotFound, http.MethodDelete, "/task_runs/" + idKnown, "", `{"detail":"Task not found"}`},
		{http.StatusOK, http.MethodPost, "/task_runs/filter", "", "[]"},
		{http.StatusOK, http.MethodPost, "/task_runs/count", "", "0"},
	} {
		if got := f.must(t, step.status, step.method, step.path, step.body); got != step.want {
			t.Errorf("%s %s:\n%s", step.method, step.path, cmp.Diff(step.want, got))
		}
	}
}

func TestSetState_verdictWithoutAWriteIsNotCreated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/"+idKnown+"/set_state", `{"state":{"type":"COMPLETED"}}`)
	result := f.must(t, http.StatusOK, http.MethodPost, "/task_runs/"+idKnown+"/set_state", `{"state":{"type":"CANCELLING"}}`)
	if got, want := sample.Member(t, result, "details"), `{"type":"abort_details","reason":"Run is already COMPLETED."}`; got != want {
		t.Errorf("details = %s, want %s", got, want)
	}
	if got := sample.Member(t, sample.Member(t, result, "state"), "type"); got != `"COMPLETED"` {
		t.Errorf("type = %s, want the current state", got)
	}
}

func TestRename_setsTheName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	const path = "/task_runs/" + idKnown
	f.clock.Step(time.Second)
	if got := f.must(t, http.StatusNoContent, http.MethodPatch, path, `{"name":"other"}`); got != "" {
		t.Errorf("body = %q, want none", got)
	}
	f.clock.Step(time.Second)
	f.must(t, http.StatusNoContent, http.MethodPatch, path, `{}`)
	run := f.must(t, http.StatusOK, http.MethodGet, path, "")
	if name, updated := sample.Member(t, run, "name"), sample.Member(t, run, "updated"); name != `"other"` || updated != `"2026-08-21T12:00:02Z"` {
		t.Errorf("name %s, updated %s, want the given name, and the time of the write without one", name, updated)
	}
	f.must(t, http.StatusNoContent, http.MethodPatch, path, `{"name":""}`)
	if got := sample.Member(t, f.must(t, http.StatusOK, http.MethodGet, path, ""), "name"); !strings.Contains(got, "-") {
		t.Errorf("name = %s, want a made-up one", got)
	}
}

func TestRuns_missingObjectsAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const (
		run     = "/task_runs/" + idUnknown
		running = `{"state":{"type":"RUNNING"}}`
		gone    = `{"exception_message":"Task run with id ` + idUnknown + ` not found"}`
	)
	cases := map[string]struct{ method, path, body, want string }{
		"reading a run":                 {http.MethodGet, run, "", `{"detail":"Task not found"}`},
		"deleting a run":                {http.MethodDelete, run, "", `{"detail":"Task not found"}`},
		"renaming a run":                {http.MethodPatch, run, `{"name":"a"}`, `{"detail":"Task run not found"}`},
		"renaming a run without a name": {http.MethodPatch, run, `{}`, `{"detail":"Task run not found"}`},
		"proposing a state":             {http.MethodPost, run + "/set_state", running, gone},
		"reading a state":               {http.MethodGet, "/task_run_states/" + idUnknown, "", `{"detail":"Flow run state not found"}`},
		"an id without hyphens":         {http.MethodPost, "/task_runs/" + strings.ReplaceAll(idUnknown, "-", "") + "/set_state", running, gone},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := f.must(t, http.StatusNotFound, tc.method, tc.path, tc.body); got != tc.want {
				t.Errorf("body = %s, want %s", got, tc.want)
			}
		})
	}
	if got := f.must(t, http.StatusOK, http.MethodGet, "/task_run_states/?task_run_id="+idUnknown, ""); got != "[]" {
		t.Errorf("states of an unknown run = %s, want []", got)
	}
}

func TestRuns_idOfAnotherRunIsAConflict(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	got := f.must(t, http.StatusConflict, http.MethodPost, "/task_runs/", `{"id":"`+idKnown+`","task_key":"add","dynamic_key":"1"}`)
	if want := `{"detail":"` + textTaken + `"}`; got != want {
		t.Errorf("body = %s, want %s", got, want)
	}
}

func TestRuns_exceededLimitsAreValidationErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	long := strings.Repeat("x", taskrun.MaxName+1)
	cases := map[string]struct{ method, path, body, loc, input string }{
		"the length of a task key": {
			http.MethodPost, "/task_runs/", `{"task_key":"` + long + `","dynamic_key":"d"}`, `["body","task_key"]`, `"` + long + `"`,
		},
		"the length of a dynamic key": {
			http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"` + long + `"}`, `["body","dynamic_key"]`, `"` + long + `"`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := f.must(t, http.StatusUnprocessableEntity, tc.method, tc.path, tc.body)
			items := sample.Member(t, body, "exception_detail")
			item := strings.TrimSuffix(strings.TrimPrefix(items, "["), "]")
			for key, want := range map[string]string{
				"type": `"value_error"`, "loc": tc.loc, "input": tc.input, "ctx": `{"error":{}}`,
			} {
				if got := sample.Member(t, item, key); got != want {
					t.Errorf("%s = %s, want %s", key, got, want)
				}
			}
			if got := sample.Member(t, item, "msg"); !strings.HasPrefix(got, `"Value error, `) {
				t.Errorf("msg = %s, want a value error with the limit", got)
			}
			if got := sample.Member(t, body, "request_body"); got != tc.body {
				t.Errorf("request_body = %s, want %s", got, tc.body)
			}
		})
	}
}

func TestRuns_longDescriptionsAreTruncatedAndAccepted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	long := strings.Repeat("x", 3000)
	const mark = `… [cut, 3000 characters in all]"`
	made := f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"d","name":"`+long+`"}`)
	if got := sample.Member(t, made, "name"); !strings.HasSuffix(got, mark) {
		t.Errorf("the name made is %s, want it to end in %s", got, mark)
	}
	path := "/task_runs/" + idKnown
	f.must(t, http.StatusNoContent, http.MethodPatch, path, `{"name":"`+long+`"}`)
	f.must(t, http.StatusCreated, http.MethodPost, path+"/set_state", `{"state":{"type":"RUNNING","name":"`+long+`"}}`)
	run := f.must(t, http.StatusOK, http.MethodGet, path, "")
	for _, key := range []string{"name", "state_name"} {
		if got := sample.Member(t, run, key); !strings.HasSuffix(got, mark) {
			t.Errorf("%s = %s, want it to end in %s", key, got, mark)
		}
	}
	set := f.must(t, http.StatusCreated, http.MethodPost, path+"/set_state",
		`{"state":{"type":"COMPLETED","state_details":{"cache_key":"`+long+long+`"}}}`)
	if got := sample.Member(t, set, "status"); got != `"REJECT"` {
		t.Errorf("a cache key of 6000 characters: %s, want REJECT by the rule", set)
	}
}

// everyUse calls each use case once.
var everyUse = map[string]struct{ method, path, body string }{
	"create":                {http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"d"}`},
	"read":                  {http.MethodGet, "/task_runs/" + idKnown, ""},
	"rename":                {http.MethodPatch, "/task_runs/" + idKnown, `{"name":"n"}`},
	"rename without a name": {http.MethodPatch, "/task_runs/" + idKnown, `{}`},
	"delete":                {http.MethodDelete, "/task_runs/" + idKnown, ""},
	"set state":             {http.MethodPost, "/task_runs/" + idKnown + "/set_state", `{"state":{"type":"RUNNING"}}`},
	"filter":                {http.MethodPost, "/task_runs/filter", `{}`},
	"count":                 {http.MethodPost, "/task_runs/count", `{}`},
	"read state":            {http.MethodGet, "/task_run_states/" + idKnown, ""},
	"list states":           {http.MethodGet, "/task_run_states/?task_run_id=" + idKnown, ""},
}

func TestErrors_unavailableStoreIsTemporary(t *testing.T) {
	t.Parallel()
	for cause, err := range map[string]error{
		"unavailable":         fmt.Errorf("kube: %w", taskrun.ErrUnavailable),
		"always conflict":     taskrun.ErrConflict,
		"timed out":           fmt.Errorf("get: %w", context.DeadlineExceeded),
		"client disconnected": context.Canceled,
	} {
		f := newFixture(t)
		f.store.Break(err)
		for name, tc := range everyUse {
			t.Run(cause+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := f.ask(t, tc.method, tc.path, tc.body)
				if want := `{"exception_message":"Service Unavailable"}`; w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
					t.Errorf("answer = %d %s, want 503 %s", w.Code, w.Body, want)
				}
				if got := w.Header().Get("Retry-After"); got != "1" {
					t.Errorf("Retry-After = %q, want 1", got)
				}
			})
		}
	}
}

func TestErrors_unexpectedOnesAreInternalAndLogged(t *testing.T) {
	t.Parallel()
	for name, tc := range everyUse {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.store.Break(errors.New("the disk is on fire"))
			got := f.must(t, http.StatusInternalServerError, tc.method, tc.path, tc.body)
			if want := `{"exception_message":"Internal Server Error"}`; got != want {
				t.Errorf("body = %s, want %s", got, want)
			}
			if log := f.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "the disk is on fire") {
				t.Errorf("log = %q, want the error", log)
			}
		})
	}
}

func TestPanic_isAnErrorResponseAndLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ *Options, d *Dependencies) {
		d.Runs = brokenRuns{get: func(context.Context, string) (*taskrun.Run, error) { panic("out of cheese") }}
	})
	got := f.must(t, http.StatusInternalServerError, http.MethodGet, "/task_runs/"+idKnown, "")
	if want := `{"exception_message":"Internal Server Error"}`; got != want {
		t.Errorf("body = %s, want %s", got, want)
	}
	if log := f.log.String(); !strings.Contains(log, "out of cheese") || !strings.Contains(log, "handle_runs.go") {
		t.Errorf("log = %q, want the panic and where it was", log)
	}
}

func TestReady_notReady(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.store.Break(taskrun.ErrUnavailable)
	const want = `{"message":"Database is not available"}`
	if got := f.must(t, http.StatusServiceUnavailable, http.MethodGet, "/ready", ""); got != want {
		t.Errorf("body = %s, want %s", got, want)
	}
	if got := f.must(t, http.StatusOK, http.MethodGet, "/health", ""); got != "true" {
		t.Errorf("health = %s, want true all the same", got)
	}
}

func TestTimeout_slowUseCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, d *Dependencies) {
		o.RequestTimeout = time.Millisecond
		d.Runs = brokenRuns{get: func(ctx context.Context, _ string) (*taskrun.Run, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
	})
	f.must(t, http.StatusServiceUnavailable, http.MethodGet, "/task_runs/"+idKnown, "")
}
