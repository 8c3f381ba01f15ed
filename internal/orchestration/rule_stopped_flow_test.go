package orchestration

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPreventRunningTasksFromStoppedFlows(t *testing.T) {
	t.Parallel()
	refusal := Verdict{Status: Abort, Reason: "The enclosing flow must be running to begin task execution."}
	paused := Verdict{
		Status: Reject,
		Reason: "The flow is paused, new tasks can execute after resuming flow run: flow-run.",
		State: &State{
			ID: "new", Type: Paused, Name: NameNotReady, Timestamp: noon,
			Details: StateDetails{Deferred: new(false), PauseTimeout: new(noon.Add(time.Hour)), PauseReschedule: true},
		},
	}
	tests := map[string]struct {
		flowRun *FlowRun
		want    Verdict
	}{
		"a task outside of flows starts":  {nil, Verdict{}},
		"a task in a running flow starts": {&FlowRun{State: &State{Type: Running}}, Verdict{}},
		"a flow without a state stops it": {&FlowRun{}, refusal},
		"a scheduled flow stops it":       {&FlowRun{State: &State{Type: Scheduled}}, refusal},
		"a pending flow stops it":         {&FlowRun{State: &State{Type: Pending}}, refusal},
		"a cancelling flow stops it":      {&FlowRun{State: &State{Type: Cancelling}}, refusal},
		"a completed flow stops it":       {&FlowRun{State: &State{Type: Completed}}, refusal},
		"a paused flow pauses it": {
			flowRun: &FlowRun{State: &State{
				ID: "flow-state", Type: Paused, Name: "Paused", Message: new("lunch"),
				Details: StateDetails{PauseTimeout: new(noon.Add(time.Hour)), PauseReschedule: true, PauseKey: new("k")},
			}},
			want: paused,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Pending, Running)
			f.Run.FlowRunID = "flow-run"
			f.FlowRun = tt.flowRun
			if diff := cmp.Diff(tt.want, hear(t, preventRunningTasksFromStoppedFlows, f)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
