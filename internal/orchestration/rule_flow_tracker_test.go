package orchestration

import "testing"

func TestUpdateFlowRunTrackerOnTasks(t *testing.T) {
	t.Parallel()
	flow := func(state StateType) *FlowRun { return &FlowRun{State: &State{Type: state}, RunCount: 7} }
	tests := map[string]struct {
		to      StateType
		flowRun *FlowRun
		ahead   bool // the scheduled time is in the future
		want    int64
	}{
		"a start records the flow run's run count": {to: Running, flowRun: flow(Running), want: 7},
		"a run outside of flows records nothing":   {to: Running, want: 2},
		"other transitions record nothing":         {to: Completed, flowRun: flow(Running), want: 2},
		"a start that has to wait records nothing": {to: Running, flowRun: flow(Running), ahead: true, want: 2},
		"a start that is paused records nothing":   {to: Running, flowRun: flow(Paused), want: 2},
		"a start that is rejected records nothing": {to: Running, flowRun: flow(Cancelled), want: 2},
		"an end in a stopped flow records nothing": {to: Failed, flowRun: flow(Cancelled), want: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Pending, tt.to)
			f.Run.FlowRunRunCount = 2
			f.FlowRun = tt.flowRun
			if tt.ahead {
				f.Run.State.Details.ScheduledTime = new(noon.AddDate(0, 0, 1))
			}
			if got := Decide(f).Progress.FlowRunRunCount; got != tt.want {
				t.Errorf("flow run's run count = %d, want %d", got, tt.want)
			}
		})
	}
}
