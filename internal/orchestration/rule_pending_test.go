package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPreventPendingTransitions(t *testing.T) {
	t.Parallel()
	named := func(initial, proposed string) func(*Facts) {
		return func(f *Facts) { f.Run.State.Name, f.Proposed.Name = initial, proposed }
	}
	schedule := func(f *Facts) {
		f.Run.State.Details.ScheduledTime = &noon
		f.Run.State.Details.DeploymentConcurrencyLeaseID = "lease"
		f.Proposed.Details.ScheduledTime = new(noon.AddDate(1, 0, 0))
		f.Proposed.Details.DeploymentConcurrencyLeaseID = "other"
	}
	refusal := func(from string) Verdict {
		return Verdict{
			Status: Abort,
			Reason: "This run is in a " + from + " state and cannot transition to a PENDING state.",
		}
	}

	renamed := transitionFacts(Pending, Pending, named("Pending", "Submitting"), schedule)
	bare := transitionFacts(Pending, Pending, named("Submitting", "InfrastructurePending"), func(f *Facts) {
		f.Proposed.Details.ScheduledTime = &noon
	})
	tests := map[string]struct {
		facts Facts
		want  Verdict
	}{
		"a running run is not delivered again":      {transitionFacts(Running, Pending), refusal("RUNNING")},
		"a cancelling run is not delivered":         {transitionFacts(Cancelling, Pending), refusal("CANCELLING")},
		"a cancelled run is not delivered":          {transitionFacts(Cancelled, Pending), refusal("CANCELLED")},
		"a pending run is not delivered again":      {transitionFacts(Pending, Pending), refusal("PENDING")},
		"the same custom name is refused":           {transitionFacts(Pending, Pending, named("Submitting", "Submitting")), refusal("PENDING")},
		"a change back to plain Pending is refused": {transitionFacts(Pending, Pending, named("Submitting", "Pending")), refusal("PENDING")},
		"a new name does not help a running run":    {transitionFacts(Running, Pending, named("Running", "Submitting")), refusal("RUNNING")},
		"a new name is accepted with the scheduled time and lease of the initial state": {
			facts: renamed,
			want: Verdict{State: proposedWith(renamed, func(s *State) {
				s.Details.ScheduledTime = &noon
				s.Details.DeploymentConcurrencyLeaseID = "lease"
			})},
		},
		"values that the initial state lacks are removed from the proposed state": {
			facts: bare,
			want:  Verdict{State: proposedWith(bare, func(s *State) { s.Details.ScheduledTime = nil })},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hear(t, preventPendingTransitions, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
