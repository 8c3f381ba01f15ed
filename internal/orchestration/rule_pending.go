package orchestration

import "fmt"

// preventPendingTransitions prevents a second delivery of a background run
// (contract §3.4). A change from one PENDING state to another with a different
// name is allowed, unless the new name is plain Pending: it only reports the
// progress of the delivery.
var preventPendingTransitions = Rule{
	Name:     "PreventPendingTransitions",
	From:     []StateType{Pending, Cancelling, Running, Cancelled},
	To:       []StateType{Pending},
	Evaluate: evaluatePending,
}

func evaluatePending(f Facts) Verdict {
	initial, proposed := f.Run.State, f.Proposed
	renamed := proposed.Name != initial.Name && proposed.Name != Pending.DefaultName()
	if initial.Type != Pending || !renamed {
		return abort(fmt.Sprintf("This run is in a %s state and cannot transition to a PENDING state.", initial.Type))
	}
	proposed.Details.ScheduledTime = initial.Details.ScheduledTime
	proposed.Details.DeploymentConcurrencyLeaseID = initial.Details.DeploymentConcurrencyLeaseID
	return edit(proposed)
}
