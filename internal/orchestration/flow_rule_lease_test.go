package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPreserveDeploymentConcurrencyLeaseID(t *testing.T) {
	t.Parallel()
	leases := func(initial, proposed string) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) {
			f.Progress.State.Details.DeploymentConcurrencyLeaseID = initial
			f.Proposed.Details.DeploymentConcurrencyLeaseID = proposed
		}
	}
	copied := flowRunFacts(Pending, Pending, leases("lease", ""))
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"a lease id is copied": {copied, Verdict{State: proposedFlow(copied, func(s *State) {
			s.Details.DeploymentConcurrencyLeaseID = "lease"
		})}},
		"an id that was proposed stays":    {flowRunFacts(Running, Completed, leases("lease", "other")), Verdict{}},
		"without a lease, nothing changes": {flowRunFacts(Running, Completed, leases("", "")), Verdict{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, preserveDeploymentConcurrencyLeaseID, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
