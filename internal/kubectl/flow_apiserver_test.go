//go:build apiserver

package kubectl

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// flowRun creates a flow run.
func (p *place) flowRun(t *testing.T, name, spec string) {
	t.Helper()
	object := objectOf[v1alpha1.FlowRun](t, "{metadata: {name: "+name+"}, spec: {flowName: etl"+spec+"}}")
	object.ObjectMeta = metav1.ObjectMeta{Namespace: p.namespace, Name: name}
	if err := p.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func (p *place) flowState(t *testing.T, name string) *v1alpha1.State {
	t.Helper()
	object := &v1alpha1.FlowRun{}
	if err := p.client.Get(t.Context(), client.ObjectKey{Namespace: p.namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object.Status.State
}

func TestPlugin_cancelsAndRetriesFlowRuns(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	flow := &v1alpha1.RegisteredFlow{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "etl"}}
	if err := p.client.Create(t.Context(), flow); err != nil {
		t.Fatal(err)
	}
	p.operate(t)
	p.flowRun(t, "day", ", name: quiet-walleye, initialState: {type: RUNNING}")
	p.flowRun(t, "later", ", initialState: {type: SCHEDULED}")
	p.flowRun(t, "served", ", deploymentID: 9b1de1a0-5b7a-4a55-9c4e-2f3c8f0e7f0b, initialState: {type: CRASHED}")
	p.flowRun(t, "script", ", initialState: {type: FAILED}")
	p.flowRun(t, "done", ", deploymentID: 9b1de1a0-5b7a-4a55-9c4e-2f3c8f0e7f0b, initialState: {type: COMPLETED, dataJSON: '{\"type\": \"result\"}'}")
	p.run(t, "in-day", ", flowRunID: "+p.flowRunID(t, "day")+", initialState: {type: RUNNING}")

	p.says(t, false, "NAME   RUN NAME        FLOW   STATE\nday    quiet-walleye   etl    RUNNING\n1 run would be cancelled (dry run)\n", "",
		"flow", "cancel", "quiet-walleye", "--dry-run")
	p.says(t, false, "flowrun.taskrun.dev/day cancelled\n", "it is CANCELLING until its process stops", "flow", "cancel", "quiet-walleye")
	if state := p.flowState(t, "day"); state.Type != "CANCELLING" || *state.Message != "Cancelled with kubectl" {
		t.Errorf("it is %+v", state)
	}
	p.says(t, true, "", "day not cancelled: it is CANCELLING already: --now does not wait", "flow", "cancel", "day")
	p.says(t, false, "flowrun.taskrun.dev/day cancelled\n", "", "flow", "cancel", "day", "--now", "--message", "enough")
	if state := p.flowState(t, "day"); state.Type != "CANCELLED" || *state.Message != "enough" {
		t.Errorf("it is %+v", state)
	}
	p.says(t, false, "flowrun.taskrun.dev/later cancelled\n", "", "flow", "cancel", "--flow", "etl", "--state", "SCHEDULED")

	p.says(t, false, "flowrun.taskrun.dev/served retried\n", "", "flow", "retry", "--state", "CRASHED")
	p.says(t, true, "", "script not retried: no deployment can start it again", "flow", "retry", "script")
	p.says(t, false, "flowrun.taskrun.dev/script retried\n", "no deployment starts it", "flow", "retry", "script", "--force")
	p.says(t, true, "", "done not retried: Rejected: Run is already COMPLETED.", "flow", "retry", "done")
	if state := p.flowState(t, "script"); state.Type != "SCHEDULED" || *state.Name != "AwaitingRetry" {
		t.Errorf("it is %+v", state)
	}

	out, _, err := p.ask(t, "flow", "describe", "day")
	if err != nil || !strings.Contains(out, "└─ in-day") || !strings.Contains(out, "CANCELLING") {
		t.Errorf("%v, described as\n%s", err, out)
	}
	out, _, err = p.ask(t, "flow", "list")
	if err != nil || strings.Count(out, "\n") != 6 {
		t.Errorf("%v, the list is\n%s", err, out)
	}
}

// flowRunID returns the id of a flow run over REST.
func (p *place) flowRunID(t *testing.T, name string) string {
	t.Helper()
	object := &v1alpha1.FlowRun{}
	if err := p.client.Get(t.Context(), client.ObjectKey{Namespace: p.namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object.UUID()
}
