package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnforceCancellingToCancelled(t *testing.T) {
	t.Parallel()
	for _, to := range StateTypes {
		got := DecideFlowRun(flowRunFacts(Cancelling, to))
		want := Reject
		if to == Cancelled {
			want = Accept
		}
		if got.Status != want || (got.State == nil) != (want == Reject) {
			t.Errorf("CANCELLING to %s got %s with state %v, want %s", to, got.Status, got.State, want)
		}
	}
}

func TestBypassCancellingFlowRunsWithNoInfra(t *testing.T) {
	t.Parallel()
	named := func(name string) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) { f.Progress.State.Name = name }
	}
	infrastructure := func(f *FlowRunFacts) { f.HasInfrastructure = true }
	message := func(f *FlowRunFacts) { f.Proposed.Message = new("by me") }
	cancelled := func(reason string) Verdict {
		return Verdict{Status: Reject, Reason: reason, State: &State{
			ID: "new", Type: Cancelled, Name: "Cancelled", Timestamp: noon, Details: StateDetails{Deferred: new(false)},
		}}
	}
	scheduled := cancelled("Scheduled flow run has no infrastructure to terminate.")
	stopped := cancelled("Suspended flow run has no infrastructure to terminate.")
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"a scheduled run is cancelled at once":          {flowRunFacts(Scheduled, Cancelling, message), scheduled},
		"also one that waits for its next attempt":      {flowRunFacts(Scheduled, Cancelling, named(NameAwaitingRetry)), scheduled},
		"with a process, that is to end first":          {flowRunFacts(Scheduled, Cancelling, infrastructure), Verdict{}},
		"the process of a resuming run has ended":       {flowRunFacts(Scheduled, Cancelling, infrastructure, named(NameResuming)), scheduled},
		"a suspended run is cancelled at once":          {flowRunFacts(Paused, Cancelling, suspended), stopped},
		"also with a process id, which is an old one":   {flowRunFacts(Paused, Cancelling, suspended, infrastructure), stopped},
		"a run that is paused has a process that waits": {flowRunFacts(Paused, Cancelling), Verdict{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, bypassCancellingWithNoInfra, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
