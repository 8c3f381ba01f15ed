//go:build apiserver

package kube_test

import (
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// writeLog records the writes of all kinds, without names.
type writeLog struct {
	mu    sync.Mutex
	lines []string
}

func (w *writeLog) through(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet {
				_, resource, _ := strings.Cut(r.URL.Path, "/namespaces/")
				kind := strings.Split(resource, "/")[1]
				if path.Base(resource) == "status" {
					kind += "/status"
				}
				w.mu.Lock()
				w.lines = append(w.lines, r.Method+" "+kind)
				w.mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

// The requests of a client that runs a subflow, and what kubectl shows of its task run.
func TestStore_aSubflowIsSevenWrites(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	writes := &writeLog{}
	cluster := openReplica(t, writes.through(env.Config))
	clock := testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
	taskRuns := usecase.New(usecase.Options{
		Namespace: namespace, Store: cluster.Namespace(namespace), Clock: clock, FlowRuns: flows.FlowRuns{Store: cluster.Flows(namespace)},
	})
	flowRuns := flows.New(flows.Options{
		Namespace: namespace, Store: cluster.Flows(namespace), Clock: clock, TaskRuns: flows.NewTaskRuns(cluster.Namespace(namespace), taskRuns),
	})
	flow, _, err := flowRuns.CreateFlow(t.Context(), flowrun.NewFlow{Name: "etl"})
	if err != nil {
		t.Fatal(err)
	}
	create := func(in flowrun.Run) *flowrun.Run {
		in.FlowID = flow.ID
		run, _, err := flowRuns.Create(t.Context(), flowrun.NewRun{Run: in})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	parent := create(flowrun.Run{})
	writes.lines = nil

	placeholder, _, err := taskRuns.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{FlowRunID: parent.ID, TaskKey: "etl-1", DynamicKey: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	child := create(flowrun.Run{ParentTaskRunID: placeholder.ID})
	for _, kind := range []orchestration.StateType{orchestration.Running, orchestration.Completed} {
		if _, err := flowRuns.SetState(t.Context(), child.ID, taskrun.Proposal{Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"POST taskruns", "POST flowruns", "PUT taskruns/status",
		"PUT flowruns/status", "PUT taskruns/status", "PUT flowruns/status", "PUT taskruns/status",
	}
	if diff := cmp.Diff(want, writes.lines); diff != "" {
		t.Errorf("writes (-want +sent):\n%s", diff)
	}
	object := &v1alpha1.TaskRun{}
	if err := newClient(t, env.Config).Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: placeholder.Ref.Name}, object); err != nil {
		t.Fatal(err)
	}
	status := &object.Status
	if s := status.State; s == nil || s.Type != string(orchestration.Completed) || s.StateDetails == nil || s.StateDetails.ChildFlowRunID != child.ID {
		t.Errorf("status.state = %+v, want COMPLETED of subflow %s", s, child.ID)
	}
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSucceeded); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("conditions = %+v, want Succeeded True", status.Conditions)
	}
}
