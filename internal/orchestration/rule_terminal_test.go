package orchestration

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHandleTaskTerminalStateTransitions(t *testing.T) {
	t.Parallel()
	data := func(text string) func(*Facts) {
		return func(f *Facts) { f.Run.State.Data = json.RawMessage(text) }
	}
	inFlow := func(seen, count int64) func(*Facts) {
		return func(f *Facts) {
			f.Run.FlowRunRunCount = seen
			f.FlowRun = &FlowRun{State: &State{Type: Running}, RunCount: count}
		}
	}
	restart := Verdict{RunCount: new(int64(0))}
	completed := Verdict{Status: Reject, Reason: "This run is already completed."}

	tests := map[string]struct {
		facts Facts
		want  Verdict
	}{
		"cancelling what has completed is refused": {
			facts: transitionFacts(Completed, Cancelling),
			want:  Verdict{Status: Abort, Reason: "Run is already COMPLETED."},
		},
		"pausing what has failed is refused": {
			facts: transitionFacts(Failed, Paused),
			want:  Verdict{Status: Abort, Reason: "Run is already FAILED."},
		},
		"crashing what has crashed is refused": {
			facts: transitionFacts(Crashed, Crashed),
			want:  Verdict{Status: Abort, Reason: "Run is already CRASHED."},
		},
		"crashing what was cancelled is refused": {
			facts: transitionFacts(Cancelled, Crashed),
			want:  Verdict{Status: Abort, Reason: "Run is already CANCELLED."},
		},
		"refusing by type comes before looking at the result": {
			facts: transitionFacts(Completed, Crashed, data(`{"a":1}`)),
			want:  Verdict{Status: Abort, Reason: "Run is already COMPLETED."},
		},
		"a completed run without data may run again, from no retries used": {
			facts: transitionFacts(Completed, Running), want: restart,
		},
		"a result that was not persisted does not hold the run": {
			facts: transitionFacts(Completed, Running, data(`{"type":"unpersisted"}`)), want: restart,
		},
		"empty data does not hold the run": {
			facts: transitionFacts(Completed, Pending, data(`{}`)), want: restart,
		},
		"a persisted result keeps the run from running again": {
			facts: transitionFacts(Completed, Running, data(`{"storage_key":"k"}`)), want: completed,
		},
		"a persisted result even keeps the run from completing again": {
			facts: transitionFacts(Completed, Completed, data(`{"storage_key":"k"}`)), want: completed,
		},
		"a result that is no object counts as persisted": {
			facts: transitionFacts(Completed, Running, data(`7`)), want: completed,
		},
		"a failed run's data does not hold it": {
			facts: transitionFacts(Failed, Running, data(`{"storage_key":"k"}`)), want: restart,
		},
		"from one end to another the run count stays": {
			facts: transitionFacts(Cancelled, Completed), want: Verdict{},
		},
		"a restart that is only scheduled restarts the run count too": {
			facts: transitionFacts(Crashed, Scheduled), want: restart,
		},
		"a start in a flow that runs again is a retry": {
			facts: transitionFacts(Failed, Running, inFlow(1, 2)),
			want: Verdict{
				RunCount: new(int64(0)),
				State: proposedWith(transitionFacts(Failed, Running), func(s *State) {
					s.Name = NameRetrying
				}),
			},
		},
		"a start in the same run of the flow is none": {
			facts: transitionFacts(Failed, Running, inFlow(2, 2)), want: restart,
		},
		"only a start is called a retry": {
			facts: transitionFacts(Failed, Pending, inFlow(1, 2)), want: restart,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hear(t, handleTaskTerminalStateTransitions, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARestartThatIsRefusedLaterKeepsItsRunCount(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Failed, Running, func(f *Facts) {
		f.Run.RunCount = 3
		f.FlowRun = &FlowRun{State: &State{Type: Paused}}
	})
	got := Decide(f)
	if got.Status != Reject || got.State.Type != Paused {
		t.Fatalf("got %s, %+v; want the run to be paused with its flow", got.Status, got.State)
	}
	if got.Progress.RunCount != 3 {
		t.Errorf("run count = %d, want 3: the terminal rule fizzled", got.Progress.RunCount)
	}
}
