//go:build apiserver

package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/testenv"
)

// Each namespace has a queue of its own, and what was left behind in it is looked
// after though nobody has asked this program for that namespace yet.
func TestNamespacesAreApart(t *testing.T) {
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
		t.Errorf("a run of the other namespace is read at home: status %d", status)
	}

	first.stop()
	second := start(t, env.Config, home.namespace, both)
	// Nobody asks it for the other namespace; the worker that held the run is gone.
	there.await(t, left, "waits for a worker again", heldBy(""))
	serveAt(t, elsewhere(second), "another", "hello").takes(t, left)
}
