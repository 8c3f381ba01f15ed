//go:build apiserver

package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	kuberest "k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// withoutLeases returns a configuration that may not access Leases.
func withoutLeases(config *kuberest.Config) *kuberest.Config {
	config = kuberest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return forbiddenLeases{next} })
	return config
}

type forbiddenLeases struct{ http.RoundTripper }

func (f forbiddenLeases) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Path, "/leases") {
		return f.RoundTripper.RoundTrip(r)
	}
	const status = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"leases is forbidden","code":403}`
	return &http.Response{
		StatusCode: http.StatusForbidden, Status: "403 Forbidden", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(status)), Request: r,
	}, nil
}

// graceOfTwo is the grace period of two programs. A program reads the workers of the
// other from its Lease, every two seconds on an idle machine.
const graceOfTwo = 6 * time.Second

// A worker of one program keeps its runs, regardless of the flags of another program
// that starts, and loses them when it disconnects.
func TestSecondProgram_takesNoRunsFromWorkersOfTheFirst(t *testing.T) {
	t.Parallel()
	elect := func(o *Options) { o.Manager.LeaderElect = true }
	alone := func(*Options) {}
	tests := map[string]struct {
		first, second func(*Options)
		secondConfig  func(*kuberest.Config) *kuberest.Config
		firstConfig   func(*kuberest.Config) *kuberest.Config
		everywhere    bool // the second program serves all namespaces
		// wantStays: no program can detect the loss of the worker.
		wantStays bool
	}{
		"with and without leader election": {first: elect, second: alone},
		"without and with leader election": {first: alone, second: elect},
		"with Leases in another namespace": {
			first: elect, second: func(o *Options) { o.Manager.LeaseNamespace = "default" },
		},
		"serving all namespaces, with another one under /api": {
			first: elect, second: func(o *Options) { o.Scope = ScopeOptions{Namespace: "default"} }, everywhere: true,
		},
		"not allowed to access Leases": {
			first: elect, second: func(o *Options) { o.Manager.LeaseNamespace = "default" }, secondConfig: withoutLeases,
		},
		"beside a program that is not allowed to access Leases": {
			first: alone, firstConfig: withoutLeases, second: elect, wantStays: true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := testenv.Start
			if tt.everywhere {
				open = testenv.StartPrivate
			}
			env := open(t)
			c := newCluster(t, env.Config, env.Namespace(t))
			withShortGrace := func(change func(*Options)) func(*Options) {
				return func(o *Options) { shortGrace(o); o.Delivery.GracePeriod = graceOfTwo; change(o) }
			}
			config := func(change func(*kuberest.Config) *kuberest.Config) *kuberest.Config {
				if change == nil {
					return env.Config
				}
				return change(env.Config)
			}
			first := start(t, config(tt.firstConfig), c.namespace, withShortGrace(tt.first))
			start(t, config(tt.secondConfig), c.namespace, withShortGrace(tt.second))
			w := first.serve(t, "worker", "hello")
			id := submit(t, first, "hello", "1")
			w.takes(t, id)
			setState(t, first, id, "RUNNING")
			still := func(what string) {
				t.Helper()
				from := time.Now() // longer than the grace period, with several reads of the Leases
				eventually(t, what, func() bool { return time.Since(from) > 2*graceOfTwo }, func() {})
				if run := c.get(t, id); run == nil || !heldBy("worker")(run) || !inState("RUNNING")(run) {
					t.Fatalf("%s the run is %+v", what, run)
				}
			}
			still("while its worker lives")
			w.vanish(t)
			if tt.wantStays {
				still("while no program can know that its worker has gone")
				return
			}
			c.await(t, id, "is CRASHED", inState("CRASHED"))
		})
	}
}

// A restarted program finds the runs that it sent to workers before.
func TestRestartedProgram_takesRunsOfWorkersLostWhileItWasStopped(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	first := start(t, env.Config, c.namespace, shortGrace)
	w := first.serve(t, "worker", "hello")
	id := submit(t, first, "hello", "1")
	w.takes(t, id)
	setState(t, first, id, "RUNNING")
	first.stop()
	start(t, env.Config, c.namespace, shortGrace)
	c.await(t, id, "is CRASHED", inState("CRASHED"))
}
