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
		"cancelling a completed run is refused": {
			facts: transitionFacts(Completed, Cancelling),
			want:  Verdict{Status: Abort, Reason: "Run is already COMPLETED."},
		},
		"pausing a failed run is refused": {
			facts: transitionFacts(Failed, Paused),
			want:  Verdict{Status: Abort, Reason: "Run is already FAILED."},
		},
		"crashing a crashed run is refused": {
			facts: transitionFacts(Crashed, Crashed),
			want:  Verdict{Status: Abort, Reason: "Run is already CRASHED."},
		},
		"crashing a cancelled run is refused": {
			facts: transitionFacts(Cancelled, Crashed),
			want:  Verdict{Status: Abort, Reason: "Run is already CANCELLED."},
		},
		"the type is checked before the result": {
			facts: transitionFacts(Completed, Crashed, data(`{"a":1}`)),
			want:  Verdict{Status: Abort, Reason: "Run is already COMPLETED."},
		},
		"a completed run without data restarts with a run count of zero": {
			facts: transitionFacts(Completed, Running), want: restart,
		},
		"a completed run with an unpersisted result restarts": {
			facts: transitionFacts(Completed, Running, data(`{"type":"unpersisted"}`)), want: restart,
		},
		"a completed run with empty data restarts": {
			facts: transitionFacts(Completed, Pending, data(`{}`)), want: restart,
		},
		"a run with a persisted result does not start again": {
			facts: transitionFacts(Completed, Running, data(`{"storage_key":"k"}`)), want: completed,
		},
		"a run with a persisted result does not complete again": {
			facts: transitionFacts(Completed, Completed, data(`{"storage_key":"k"}`)), want: completed,
		},
		"a result that is not an object counts as persisted": {
			facts: transitionFacts(Completed, Running, data(`7`)), want: completed,
		},
		"a failed run with data restarts": {
			facts: transitionFacts(Failed, Running, data(`{"storage_key":"k"}`)), want: restart,
		},
		"a change from one end to another keeps the run count": {
			facts: transitionFacts(Cancelled, Completed), want: Verdict{},
		},
		"a restart by scheduling resets the run count": {
			facts: transitionFacts(Crashed, Scheduled), want: restart,
		},
		"a start in a flow that started again is a retry": {
			facts: transitionFacts(Failed, Running, inFlow(1, 2)),
			want: Verdict{
				RunCount: new(int64(0)),
				State: proposedWith(transitionFacts(Failed, Running), func(s *State) {
					s.Name = NameRetrying
				}),
			},
		},
		"a start in the same flow run attempt is not a retry": {
			facts: transitionFacts(Failed, Running, inFlow(2, 2)), want: restart,
		},
		"only a start is named Retrying": {
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

func TestRestart_thatALaterRuleRejectsKeepsTheRunCount(t *testing.T) {
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
