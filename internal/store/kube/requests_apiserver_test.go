//go:build apiserver

package kube_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// counter records the requests for single TaskRuns.
type counter struct {
	mu    sync.Mutex
	lines []string
}

// through returns the configuration with the counter.
func (c *counter) through(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			watch := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/taskruns")
			if _, path, ok := strings.Cut(r.URL.Path, "/taskruns"); ok && !watch {
				c.mu.Lock()
				c.lines = append(c.lines, r.Method+" "+path)
				c.mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newService(store taskrun.Store) *usecase.Service {
	return usecase.New(usecase.Options{
		Namespace: "default", Store: store,
		Clock: testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)),
	})
}

func TestStore_aLifeCycleIsThreeRequests(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	requests := &counter{}
	service := newService(openReplica(t, requests.through(env.Config)).Namespace(env.Namespace(t)))
	run, created, err := service.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{TaskKey: "k", DynamicKey: "0"}})
	if err != nil || !created {
		t.Fatalf("Create() = created %v, error %v", created, err)
	}
	for _, kind := range []orchestration.StateType{orchestration.Running, orchestration.Completed} {
		outcome, err := service.SetState(t.Context(), run.ID, taskrun.Proposal{Type: kind})
		if err != nil || !outcome.Written {
			t.Fatalf("SetState(%s) = written %v, error %v", kind, outcome.Written, err)
		}
		if read, err := service.Get(t.Context(), run.ID); err != nil || read.State.Type != kind {
			t.Fatalf("Get() = %v, error %v, want it in %s", read, err, kind)
		}
	}
	status := "PUT /" + run.ID + "/status"
	if diff := cmp.Diff([]string{"POST ", status, status}, requests.lines); diff != "" {
		t.Errorf("requests (-want +sent):\n%s", diff)
	}
}

func TestStore_equalCreatesCreateOneObject(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	services := []*usecase.Service{
		newService(openReplica(t, env.Config).Namespace(namespace)), newService(openReplica(t, env.Config).Namespace(namespace)),
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, _, err := services[i%2].Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{TaskKey: "k", DynamicKey: "once"}})
			if err != nil {
				t.Errorf("Create(): %v", err)
			}
		})
	}
	all.Wait()
	var objects v1alpha1.TaskRunList
	if err := newClient(t, env.Config).List(t.Context(), &objects, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	if n := len(objects.Items); n != 1 {
		t.Errorf("there are %d objects, want 1", n)
	}
}
