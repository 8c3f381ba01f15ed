//go:build apiserver

package app

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// Each namespace has its own queue. Runs of a lost worker are delivered again in a
// namespace without requests.
func TestNamespaces_haveSeparateQueues(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	home, there := newCluster(t, env.Config, env.Namespace(t)), newCluster(t, env.Config, env.Namespace(t))
	both := func(o *Options) {
		shortGrace(o)
		o.Scope.Watch = append(o.Scope.Watch, there.namespace)
	}
	first := start(t, env.Config, home.namespace, both)
	elsewhere := func(p *program) string {
		return strings.TrimSuffix(p.url(), "/api") + "/namespaces/" + there.namespace + "/api"
	}

	atHome := first.serve(t, "worker", "hello")
	awayFromHome := serveAt(t, elsewhere(first), "worker", "hello")
	left, kept := submitAt(t, elsewhere(first), "hello", "1"), submit(t, first, "hello", "1")
	if left == kept {
		t.Errorf("one natural key in two namespaces is one run, %s", left)
	}
	atHome.takes(t, kept)
	awayFromHome.takes(t, left)
	there.await(t, left, "is held", heldBy("worker"))
	if status, _ := call(t, http.MethodGet, first.url()+"/task_runs/"+left, ""); status != http.StatusNotFound {
		t.Errorf("a run of the other namespace is read in the own one: status %d", status)
	}

	first.stop()
	second := start(t, env.Config, home.namespace, both)
	// This program gets no request for the other namespace. The worker that held
	// the run has disconnected.
	there.await(t, left, "waits for a worker again", heldBy(""))
	serveAt(t, elsewhere(second), "another", "hello").takes(t, left)
}

// askIn sends list requests for a namespace that may not exist, and reports
// whether all succeeded.
func askIn(t *testing.T, handler http.Handler, namespace string) bool {
	t.Helper()
	for _, path := range []string{"/task_runs/filter", "/v2/concurrency_limits/filter", "/task_workers/filter"} {
		url := "http://localhost/namespaces/" + namespace + "/api" + path
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}")))
		if w.Code != http.StatusOK {
			return false
		}
	}
	return true
}

// A caller that can list the runs of all namespaces can name any namespace. The
// test is not parallel, because it counts goroutines and measures the heap.
func TestNamespaces_unusedOnesAreClosed(t *testing.T) {
	env := testenv.StartPrivate(t)
	p := start(t, env.Config, env.Namespace(t), func(o *Options) { o.Scope.Watch = nil })
	handler := p.app.server.Handler()
	eventually(t, "the program answers", func() bool { return askIn(t, handler, "n0") }, func() {})
	ask := func(n int) {
		for i := range n {
			if !askIn(t, handler, "n"+strconv.Itoa(i)) {
				t.Fatalf("a list of namespace n%d failed", i)
			}
		}
	}
	used := func() (goroutines int, kilobytes uint64) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc >> 10
	}
	ask(200)
	goroutines, heap := used()
	ask(10_000)
	var more int
	var moreHeap uint64
	eventually(t, "what was kept of the namespaces is gone", func() bool {
		more, moreHeap = used()
		return more <= goroutines+500 && // the program is still starting, and a few namespaces stay open
			moreHeap <= heap+4<<10
	}, func() { t.Logf("%d goroutines and %d KiB, then %d and %d KiB", goroutines, heap, more, moreHeap) })
}
