package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHandlePausingFlows(t *testing.T) {
	t.Parallel()
	suspends := func(f *FlowRunFacts) { f.Proposed.Name, f.Proposed.Details.PauseReschedule = NameSuspended, true }
	withKey := func(f *FlowRunFacts) { f.Proposed.Details.PauseKey = new("key") }
	fired := func(f *FlowRunFacts) { f.Progress.PauseKeys = []string{"other", "key"} }
	subflow := func(f *FlowRunFacts) { f.ParentTaskRunID = "placeholder" }
	fires := func(key string) Verdict { return Verdict{FlowRun: &FlowRunEdits{PauseKey: &key}} }
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"a run without a state cannot pause":           {flowRunFacts(None, Paused), Verdict{Status: Abort, Reason: "Cannot pause flows with no state."}},
		"a pending run cannot pause":                   {flowRunFacts(Pending, Paused), Verdict{Status: Reject, Reason: "Cannot pause flows that are not currently running."}},
		"nor be suspended":                             {flowRunFacts(Pending, Paused, suspends), Verdict{Status: Reject, Reason: "Cannot suspend flows that are not currently running."}},
		"a running run pauses, under a key of its own": {flowRunFacts(Running, Paused), fires("new-key")},
		"or under that of the proposal":                {flowRunFacts(Running, Paused, withKey), fires("key")},
		"each pause fires once":                        {flowRunFacts(Running, Paused, withKey, fired), Verdict{Status: Reject, Reason: "This pause has already fired."}},
		"each suspension too":                          {flowRunFacts(Running, Paused, suspends, withKey, fired), Verdict{Status: Reject, Reason: "This suspend has already fired."}},
		"no run is suspended without a deployment":     {flowRunFacts(Running, Paused, suspends), Verdict{Status: Abort, Reason: "Cannot suspend flows without a deployment."}},
		"a run of a deployment is":                     {flowRunFacts(Running, Paused, suspends, deployed), fires("new-key")},
		"but no subflow":                               {flowRunFacts(Running, Paused, suspends, deployed, subflow), Verdict{Status: Abort, Reason: "Cannot suspend subflows."}},
		"a subflow can pause":                          {flowRunFacts(Running, Paused, subflow), fires("new-key")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, handlePausingFlows, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHandleResumingPausedFlows(t *testing.T) {
	t.Parallel()
	named := func(name string) func(*FlowRunFacts) { return func(f *FlowRunFacts) { f.Proposed.Name = name } }
	until := func(seconds int) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) { f.Progress.State.Details.PauseTimeout = at(seconds) }
	}
	rejected := func(reason string) Verdict {
		return Verdict{Status: Reject, Reason: reason, FlowRun: &FlowRunEdits{Resuming: true}}
	}
	failed := func(message, reason string) Verdict {
		v := rejected(reason)
		v.State = &State{
			ID: "new", Type: Failed, Name: "Failed", Timestamp: noon, Message: &message, Details: StateDetails{Deferred: new(false)},
		}
		return v
	}
	passed := Verdict{FlowRun: &FlowRunEdits{Resuming: true}}
	timedOut := "The flow run pause has timed out and can no longer resume."
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"a paused run continues":                         {flowRunFacts(Paused, Running), passed},
		"before its deadline":                            {flowRunFacts(Paused, Running, until(1)), passed},
		"at its deadline, too":                           {flowRunFacts(Paused, Running, until(0)), passed},
		"after its deadline it fails":                    {flowRunFacts(Paused, Running, until(-1)), failed("The flow was running and never resumed.", timedOut)},
		"whatever was proposed":                          {flowRunFacts(Paused, Cancelled, until(-1)), failed("The flow was cancelled and never resumed.", timedOut)},
		"a state without a name is called by its type":   {flowRunFacts(Paused, Running, until(-1), named("")), failed("The flow was running and never resumed.", timedOut)},
		"the name decides on the verb":                   {flowRunFacts(Paused, Running, until(-1), named(NameSuspended)), failed("The flow was suspended and never resumed.", "The flow run suspend has timed out and can no longer resume.")},
		"it can still be cancelled":                      {flowRunFacts(Paused, Cancelling, until(-1)), passed},
		"a paused run does not become PENDING":           {flowRunFacts(Paused, Pending, until(-1)), rejected("This run cannot transition to the StateType.PENDING state from the StateType.PAUSED state.")},
		"a suspended run needs a deployment to continue": {flowRunFacts(Paused, Scheduled, suspended, named(NameResuming)), rejected("Cannot reschedule a resuming flow run without a deployment.")},
		"also to end":                                    {flowRunFacts(Paused, Completed, suspended), rejected("Cannot reschedule a completed flow run without a deployment.")},
		"a suspended run of a deployment is rescheduled": {flowRunFacts(Paused, Scheduled, suspended, deployed), passed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, handleResumingPausedFlows, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// The mark comes after the transforms of the same transition, and stays when no state is
// written (flows contract §4.5).
func TestTheMarkOfAResumeComesLast(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		to        StateType
		set       func(*FlowRunFacts)
		wantCount int64
		wantMark  bool
	}{
		"a first resume counts":               {Running, func(*FlowRunFacts) {}, 2, true},
		"a second one does not":               {Running, func(f *FlowRunFacts) { f.Progress.Resuming = true }, 1, true},
		"a run that ends is marked":           {Completed, func(*FlowRunFacts) {}, 1, true},
		"a rejected transition marks the run": {Pending, func(*FlowRunFacts) {}, 1, true},
		"so does a pause that has expired":    {Running, func(f *FlowRunFacts) { f.Progress.State.Details.PauseTimeout = at(-1) }, 1, true},
		"a second pause is for another rule":  {Paused, func(*FlowRunFacts) {}, 1, false},
		"force does not mark it":              {Running, func(f *FlowRunFacts) { f.Policy = FlowRunMinimal }, 2, false},
		"nor a rejection before this rule":    {Cancelling, suspended, 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := DecideFlowRun(flowRunFacts(Paused, tt.to, func(f *FlowRunFacts) { f.Progress.RunCount = 1 }, tt.set))
			if got.Progress.RunCount != tt.wantCount || got.Progress.Resuming != tt.wantMark {
				t.Errorf("run count %d, resuming %t; want %d, %t", got.Progress.RunCount, got.Progress.Resuming, tt.wantCount, tt.wantMark)
			}
		})
	}
}
