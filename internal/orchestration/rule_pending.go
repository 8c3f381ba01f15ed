package orchestration

import "fmt"

// preventPendingTransitions keeps a background run from being delivered twice
// (contract §3.4). From one PENDING to another of a different name, other than
// plain Pending, the run may go: it only says how far the hand-over is.
var preventPendingTransitions = Rule[Facts]{
	Name:     "PreventPendingTransitions",
	From:     []StateType{Pending, Cancelling, Running, Cancelled},
	To:       []StateType{Pending},
	Evaluate: func(f Facts) Verdict { return evaluatePending(f.Run.State, f.Proposed) },
}

// preventPendingFlowRuns keeps a flow run from being submitted twice (flows contract
// §4.4.6).
var preventPendingFlowRuns = Rule[FlowRunFacts]{
	Name:     preventPendingTransitions.Name,
	From:     preventPendingTransitions.From,
	To:       preventPendingTransitions.To,
	Evaluate: func(f FlowRunFacts) Verdict { return evaluatePending(f.Progress.State, f.Proposed) },
}

func evaluatePending(initial *State, proposed State) Verdict {
	renamed := proposed.Name != initial.Name && proposed.Name != Pending.DefaultName()
	if initial.Type != Pending || !renamed {
		return abort(fmt.Sprintf("This run is in a %s state and cannot transition to a PENDING state.", initial.Type))
	}
	proposed.Details.ScheduledTime = initial.Details.ScheduledTime
	proposed.Details.DeploymentConcurrencyLeaseID = initial.Details.DeploymentConcurrencyLeaseID
	return edit(proposed)
}
