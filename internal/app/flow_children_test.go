//go:build apiserver

package app

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

const (
	parentID      = "11111111-1111-4111-8111-111111111111"
	placeholderID = "22222222-2222-4222-8222-222222222222"
)

// stopped has what a program left behind that ended between two writes: a flow run in the state, an unfinished task run
// of it, and a subflow whose state its task run does not have. No program runs.
func stopped(t *testing.T, parent, subflow string) (*cluster, *testenv.Env) {
	t.Helper()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	if err := c.Create(t.Context(), &v1alpha1.RegisteredFlow{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "etl"}}); err != nil {
		t.Fatal(err)
	}
	c.applyFlowRun(t, "parent", v1alpha1.FlowRunSpec{ID: parentID, InitialState: &v1alpha1.ProposedState{Type: parent}})
	c.apply(t, "task", v1alpha1.TaskRunSpec{FlowRunID: parentID, InitialState: &v1alpha1.ProposedState{Type: "RUNNING"}})
	c.apply(t, "placeholder", v1alpha1.TaskRunSpec{ID: placeholderID, FlowRunID: parentID})
	c.applyFlowRun(t, "subflow", v1alpha1.FlowRunSpec{ParentTaskRunID: placeholderID, InitialState: &v1alpha1.ProposedState{Type: subflow}})
	return c, env
}

func TestFlowController_givesTaskRunsTheStatesOfTheirSubflowsAfterItsStart(t *testing.T) {
	t.Parallel()
	c, env := stopped(t, "RUNNING", "COMPLETED")
	start(t, env.Config, c.namespace, nil)
	run := c.await(t, "placeholder", "is COMPLETED", inState("COMPLETED"))
	subflow := c.flowRun(t, "subflow")
	if got := run.Status.State.StateDetails; got == nil || got.ChildFlowRunID != subflow.Status.ID {
		t.Errorf("details %+v, want those of subflow %s", got, subflow.Status.ID)
	}
	if run := c.get(t, "task"); !inState("RUNNING")(run) {
		t.Errorf("another task run is %+v, want RUNNING", run.Status.State)
	}
}

func TestFlowController_cancelsChildrenOfACancelledRunAfterItsStart(t *testing.T) {
	t.Parallel()
	c, env := stopped(t, "CANCELLED", "RUNNING")
	start(t, env.Config, c.namespace, nil)
	const want = "The parent flow run was cancelled."
	for _, name := range []string{"task", "placeholder"} {
		run := c.await(t, name, "is CANCELLED", inState("CANCELLED"))
		if m := run.Status.State.Message; m == nil || *m != want {
			t.Errorf("message of %s: %v, want %q", name, m, want)
		}
	}
	if run := c.awaitFlowRun(t, "subflow", "Cancelled"); run.Status.State.Message == nil || *run.Status.State.Message != want {
		t.Errorf("state of the subflow: %+v, want the message %q", run.Status.State, want)
	}
	// Task runs can be created late.
	c.apply(t, "late", v1alpha1.TaskRunSpec{FlowRunID: parentID})
	c.await(t, "late", "is CANCELLED", inState("CANCELLED"))
}
