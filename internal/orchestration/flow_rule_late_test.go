package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnsureOnlyScheduledFlowsMarkedLate(t *testing.T) {
	t.Parallel()
	late := func(f *FlowRunFacts) { f.Proposed.Name = NameLate }
	already := func(f *FlowRunFacts) { f.Progress.State.Name = NameLate }
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"a scheduled run becomes late":       {flowRunFacts(Scheduled, Scheduled, late), Verdict{}},
		"a run is marked once":               {flowRunFacts(Scheduled, Scheduled, late, already), Verdict{Status: Reject, Reason: "This flow run is already marked late."}},
		"a late run can be scheduled anew":   {flowRunFacts(Scheduled, Scheduled, already), Verdict{}},
		"a run that has started is not late": {flowRunFacts(Running, Scheduled, late), Verdict{Status: Reject, Reason: "Only scheduled flows can be marked late."}},
		"nor is one that is to start":        {flowRunFacts(Pending, Scheduled, late), Verdict{Status: Reject, Reason: "Only scheduled flows can be marked late."}},
		"other names are not for this rule":  {flowRunFacts(Running, Scheduled), Verdict{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, ensureOnlyScheduledFlowsMarkedLate, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
