package rest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
)

// expectNoMemoryTaken checks that all reserved memory was released.
func (f *fixture) expectNoMemoryTaken(t *testing.T) {
	t.Helper()
	m := f.server.memory
	for name, b := range map[string]*bytebudget.CallerBudget{"arriving": m.Arriving, "parsed": m.Parsed, "responses": m.Responses} {
		if release, ok := b.Try("", b.Share()); ok {
			second, ok := b.Try("", b.Share())
			second()
			release()
			if ok {
				continue
			}
		}
		t.Errorf("%s: memory is still taken", name)
	}
}

// memoryTaken reserves all of one part of the memory for two callers.
func memoryTaken(t *testing.T, b *bytebudget.CallerBudget) (release func()) {
	t.Helper()
	one, ok := b.Try("one", b.Share())
	two, also := b.Try("two", b.Share())
	if !ok || !also {
		t.Fatal("memory is taken already")
	}
	return func() { one(); two() }
}

func TestBodyMemory_requestWithoutMemoryGets503(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		for name, b := range map[string]*bytebudget.CallerBudget{"arriving": f.server.memory.Arriving, "parsed": f.server.memory.Parsed} {
			release := memoryTaken(t, b)
			w := f.ask(t, http.MethodPost, "/task_runs/count", "{}")
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: status %d, Retry-After %q, want 503", name, w.Code, w.Header().Get("Retry-After"))
			}
			release()
			f.must(t, http.StatusOK, http.MethodPost, "/task_runs/count", "{}")
		}
		if diff := cmp.Diff([]string{limiter.ReasonMemory, limiter.ReasonMemory}, f.metrics.rejected); diff != "" {
			t.Errorf("rejections counted (-want +got):\n%s", diff)
		}
		f.expectNoMemoryTaken(t)
	})
}

func TestBodyMemory_largeResponseIsReservedUntilItIsSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	release := memoryTaken(t, f.server.memory.Responses)
	large := `{"name":"` + strings.Repeat("x", 10_000) + `"}` // the response repeats it
	if w := f.ask(t, http.MethodPost, "/task_runs/", large); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a large answer: status %d, want 503", w.Code)
	}
	f.must(t, http.StatusOK, http.MethodPost, "/task_runs/count", "{}")
	release()
	f.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/task_runs/", large)
	f.expectNoMemoryTaken(t)
}

func TestBody_numberOfValuesIsLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.MaxBodyValues = 100 })
	body := func(n int) string { return `{"task_runs":{"tags":{"all_":["a"` + strings.Repeat(`,"a"`, n) + `]}}}` }
	f.must(t, http.StatusOK, http.MethodPost, "/task_runs/count", body(90))
	answer := f.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/task_runs/count", body(100))
	if !strings.Contains(answer, "at most 100") {
		t.Errorf("the answer does not name the limit: %s", answer)
	}
	f.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/task_runs/count", strings.Repeat("[", 400)+strings.Repeat("]", 400))
	f.expectNoMemoryTaken(t)
}

func TestBody_routesWithFewFieldsRejectLargeBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} })
	for _, r := range table() {
		if !r.body {
			continue
		}
		limit := r.bodyLimit(1 << 20)
		path := strings.ReplaceAll(anyParameter.ReplaceAllString(r.path, idUnknown), " ", "")
		w := f.ask(t, r.method, path, strings.Repeat(" ", int(limit)+1))
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s %s: status %d for %d bytes, want 413", r.method, r.path, w.Code, limit+1)
		}
		if strings.Contains(r.path, "concurrency_limits") && limit > maxListBody {
			t.Errorf("%s takes %d bytes, want %d at most", r.path, limit, maxListBody)
		}
	}
	f.expectNoMemoryTaken(t)
}

func TestEventsIn_recordsItsBatchBeforeItWaitsForMemory(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsIn)
		p.send(t, numbered(1))
		synctest.Wait()
		if got := w.recorder.recorded(t); len(got) != 0 {
			t.Fatalf("recorded = %v, want that the event waits for others", got)
		}
		release := memoryTaken(t, w.server.memory.Parsed)
		p.send(t, numbered(2))
		synctest.Wait()
		if got := w.recorder.recorded(t); len(got) != 1 {
			t.Errorf("recorded = %v, want the first event", got)
		}
		release()
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		if got := w.recorder.recorded(t); len(got) != 2 {
			t.Errorf("recorded = %v, want both events", got)
		}
		w.expectNoMemoryTaken(t)
	}, func(o *Options, _ *Dependencies) { o.Sockets.MergeWindow = time.Hour })
}

func TestEventsIn_largeFrameThatDoesNotArriveEndsTheSocket(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		conn := rawSocket(w.t, w, pathEventsIn)
		began := time.Now()
		go func() { _, _ = conn.Write(append(maskedFrame(0x1, 1_000_000), make([]byte, 10_000)...)) }()
		_, _ = io.Copy(io.Discard, conn)
		if took := time.Since(began); took != 10*time.Second {
			w.t.Errorf("ended after %s, want 10 s", took)
		}
		synctest.Wait()
		w.expectNoMemoryTaken(w.t)
	})
}
