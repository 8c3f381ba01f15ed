package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// largeItems writes items of 10,000 bytes and counts them.
type largeItems struct{ written int }

func (l *largeItems) append(b []byte, _ int) []byte {
	l.written++
	return append(b, strings.Repeat("x", 10_000)...)
}

func TestRespondList_reservesMemoryWhileTheListGrows(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.BodyMemory = minBodyMemory })
	budget := f.server.memory.Responses
	items := make([]int, 1000)

	all := memoryTaken(t, budget)
	var none largeItems
	memory := &responseMemory{server: f.server, caller: "c"}
	if _, err := respondList(&request{ctx: t.Context(), memory: memory}, "[", "]", items, 10, none.append); !errors.Is(err, bytebudget.ErrFull) || none.written > 1 {
		t.Errorf("%d items were written without memory, error %v", none.written, err)
	}
	memory.release()
	all()

	other, _ := budget.Try("other", budget.Share())
	part, _ := budget.Try("another", budget.Share()-300_000)
	var some largeItems
	memory = &responseMemory{server: f.server, caller: "c"}
	if _, err := respondList(&request{ctx: t.Context(), memory: memory}, "[", "]", items, 10, some.append); !errors.Is(err, bytebudget.ErrFull) || some.written > 31 {
		t.Errorf("%d items were written in 300,000 bytes, error %v", some.written, err)
	}
	memory.release()
	other()
	part()

	var whole largeItems // larger than the share of a caller, and therefore alone
	memory = &responseMemory{server: f.server, caller: "c"}
	answer, err := respondList(&request{ctx: t.Context(), memory: memory}, "[", "]", items, 10, whole.append)
	if err != nil || len(answer.body) < 10_000_000 || memory.taken != budget.Share() {
		t.Errorf("%d bytes were written in %d of memory, error %v", len(answer.body), memory.taken, err)
	}
	memory.release()
	f.expectNoMemoryTaken(t)
}

func TestRespondList_stopsWhenTheClientDisconnects(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	written := 0
	_, err := respondList(&request{ctx: ctx}, "[", "]", make([]int, 1000), 10, func(b []byte, _ int) []byte {
		if written++; written == 3 {
			cancel()
		}
		return b
	})
	if !errors.Is(err, context.Canceled) || written != 3 {
		t.Errorf("%d items were written although the client is gone, error %v", written, err)
	}
}

// TestLists_reserveMemory requests each route of lists without free memory for
// responses.
func TestLists_reserveMemory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	text := strings.Repeat("x", 5000)
	f.server.home.logs.Add([]logs.Line{{Message: text}})
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/",
		`{"id":"`+idKnown+`","task_key":"k","dynamic_key":"0","state":{"type":"PENDING","message":"`+text+`"}}`)
	release := memoryTaken(t, f.server.memory.Responses)
	for path, body := range map[string]string{"/task_runs/filter": "", "/task_runs/paginate": "", "/logs/filter": ""} {
		if w := f.ask(t, http.MethodPost, path, body); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d, want 503", path, w.Code)
		}
	}
	if w := f.ask(t, http.MethodGet, "/task_run_states/?task_run_id="+idKnown, ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("the states of a run: status %d, want 503", w.Code)
	}
	if len(f.metrics.rejected) != 4 {
		t.Errorf("rejections counted: %v, want four", f.metrics.rejected)
	}
	release()
	f.must(t, http.StatusOK, http.MethodPost, "/task_runs/filter", "")
	f.expectNoMemoryTaken(t)
}

func BenchmarkRespondRuns(b *testing.B) {
	runs := make([]*taskrun.Run, 200)
	for i := range runs {
		runs[i] = sample.Run("calm-otter")
	}
	s := &namespaceHandler{Server: &Server{clock: testingclock.NewFakeClock(noon)}}
	r := &request{ctx: b.Context()}
	b.ReportAllocs()
	for b.Loop() {
		page, err := s.respondRuns(r, runs)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(page.body)))
	}
}
