package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
)

// openedTenants counts the open namespaces. Each has a goroutine, as in the program.
type openedTenants struct {
	runs Runs

	mu   sync.Mutex
	open map[string]bool
	most int
}

func (o *openedTenants) of(namespace string) (Tenant, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open[namespace] {
		return Tenant{}, fmt.Errorf("%s is opened twice", namespace)
	}
	o.open[namespace] = true
	o.most = max(o.most, len(o.open))
	ended := make(chan struct{})
	go func() { <-ended }()
	return Tenant{Runs: o.runs, Close: func() {
		close(ended)
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.open, namespace)
	}}, nil
}

func (o *openedTenants) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.open)
}

// manyTenants returns a server with any number of namespaces, whose clock is that of the bubble.
func manyTenants(t *testing.T, changes ...change) (*fixture, *openedTenants) {
	t.Helper()
	opened := &openedTenants{open: map[string]bool{}}
	f := newFixture(t, append([]change{func(_ *Options, d *Dependencies) {
		opened.runs, d.Others, d.Clock = d.Runs, opened.of, clock.RealClock{}
	}}, changes...)...)
	return f, opened
}

func (f *fixture) askIn(t *testing.T, namespace, path, body string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.test/namespaces/"+namespace+"/api"+path, strings.NewReader(body))
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	return w.Code
}

// A caller with a permission in all namespaces can name any number. The test is not parallel, because it
// measures the heap.
func TestTenants_closedOnesFreeTheirMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, opened := manyTenants(t)
		ask := func(n int) {
			for i := range n {
				if status := f.askIn(t, fmt.Sprint("n", i), "/task_runs/filter", "{}"); status != http.StatusOK {
					t.Fatalf("status %d, want 200", status)
				}
			}
		}
		settle := func() {
			pass(2 * idleHandlerTime)
			synctest.Wait()
			if opened.count() != 0 || len(f.server.others.byName) != 0 || len(f.server.others.buffers) != 0 || f.server.others.timer != nil {
				t.Errorf("%d namespaces are open although no request uses them", opened.count())
			}
		}
		ask(100)
		settle()
		goroutines, heap := runtime.NumGoroutine(), liveBytes()
		f.log.b.Reset()
		ask(10_000)
		if opened.most > maxIdleHandlers+1 {
			t.Errorf("%d namespaces were open at once, want %d at most", opened.most, maxIdleHandlers+1)
		}
		settle()
		f.log.b.Reset()
		f.metrics.seen = nil
		// The count of goroutines is that of the whole program and can include a few of other tests.
		if n := runtime.NumGoroutine(); n > goroutines+maxIdleHandlers {
			t.Errorf("%d goroutines, %d before", n, goroutines)
		}
		if now := liveBytes(); now > heap+1<<20 {
			t.Errorf("%d KiB of the heap are in use, %d before", now>>10, heap>>10)
		}
	})
}

func TestTenants_stayOpenWhileUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, opened := manyTenants(t)
		where, release, err := f.server.others.use("used")
		if err != nil {
			t.Fatal(err)
		}
		_, second, _ := f.server.others.use("used")
		second()
		second()
		for i := range 2 * maxIdleHandlers {
			f.askIn(t, fmt.Sprint("n", i), "/task_runs/filter", "{}")
		}
		pass(2 * idleHandlerTime)
		synctest.Wait()
		again, done, _ := f.server.others.use("used")
		if again != where || opened.count() != 1 {
			t.Errorf("a handler in use was closed, or one of %d others is open", opened.count()-1)
		}
		done()
		release()
		pass(idleHandlerTime - time.Second)
		f.askIn(t, "used", "/task_runs/filter", "{}")
		pass(idleHandlerTime - time.Second)
		synctest.Wait()
		if opened.count() != 1 {
			t.Error("a handler that was used is closed too early")
		}
		pass(idleHandlerTime)
		synctest.Wait()
		if opened.count() != 0 {
			t.Error("an unused handler stays open")
		}
	})
}

// The log lines of a closed tenant are kept. When the buffer is full, they are dropped, and all data of
// the namespace is freed.
func TestTenants_logLinesAreKeptAfterClosing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := bytebudget.New(minBufferMemory)
		f, opened := manyTenants(t, func(_ *Options, d *Dependencies) { d.Buffers = budget })
		line := func(text string) string {
			return `[{"name":"n","level":20,"message":"` + text + `","timestamp":"2026-08-21T12:00:00Z"}]`
		}
		if status := f.askIn(t, "quiet", "/logs/", line("kept")); status != http.StatusCreated {
			t.Fatalf("status %d, want 201", status)
		}
		pass(2 * idleHandlerTime)
		synctest.Wait()
		if opened.count() != 0 {
			t.Error("the tenant is open although it is unused")
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.test/namespaces/quiet/api/logs/filter", strings.NewReader("{}"))
		w := httptest.NewRecorder()
		f.server.Handler().ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), `"kept"`) {
			t.Errorf("lines = %s, want the one that was logged", w.Body)
		}
		// Lines of many namespaces exceed the budget, although each line is small.
		for i := range minBufferMemory / 100 {
			f.askIn(t, fmt.Sprint("n", i), "/logs/", line("x"))
		}
		if n := budget.Bytes(); n > minBufferMemory {
			t.Errorf("%d bytes are kept, want %d at most", n, minBufferMemory)
		}
		f.must(t, http.StatusCreated, http.MethodPost, "/logs/", line(strings.Repeat("x", minBufferMemory)))
		pass(2 * idleHandlerTime)
		synctest.Wait()
		kept := len(f.server.others.buffers)
		if kept > minBufferMemory/300 || opened.count() != 0 {
			t.Errorf("buffers of %d namespaces are kept, want no more than have lines", kept)
		}
	})
}
