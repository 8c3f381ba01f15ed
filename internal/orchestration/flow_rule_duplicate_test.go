package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPreventDuplicateTransitions(t *testing.T) {
	t.Parallel()
	ids := func(initial, proposed string) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) {
			f.Progress.State.Details.TransitionID, f.Proposed.Details.TransitionID = initial, proposed
		}
	}
	repeated := Verdict{Status: Reject, Reason: "This run has already made this state transition."}
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"the same id is a repetition":                     {flowRunFacts(Running, Running, ids("t", "t")), repeated},
		"also with another type":                          {flowRunFacts(Running, Failed, ids("t", "t")), repeated},
		"another id is another transition":                {flowRunFacts(Running, Running, ids("t", "u")), Verdict{}},
		"a proposal without an id is another transition":  {flowRunFacts(Running, Running, ids("t", "")), Verdict{}},
		"no id is not the same as no id":                  {flowRunFacts(Running, Running, ids("", "")), Verdict{}},
		"a state of the server has no id to compare with": {flowRunFacts(Scheduled, Failed, ids("", "t")), Verdict{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, preventDuplicateTransitions, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
