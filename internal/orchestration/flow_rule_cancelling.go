package orchestration

import "slices"

// NameResuming is the name of the SCHEDULED state of a suspended run that was resumed.
const NameResuming = "Resuming"

// enforceCancellingToCancelled lets a run that is being cancelled end as CANCELLED only
// (flows contract §4.4.4).
var enforceCancellingToCancelled = Rule[FlowRunFacts]{
	Name: "EnforceCancellingToCancelledTransition",
	From: []StateType{Cancelling},
	To:   slices.DeleteFunc(slices.Clone(anyTypeOrNone), func(t StateType) bool { return t == Cancelled }),
	Evaluate: func(FlowRunFacts) Verdict {
		return rejectWithNothing("Cannot transition flows that are cancelling to a state other than Cancelled.")
	},
}

// bypassCancellingWithNoInfra cancels a run at once if it has no process that must end
// first (flows contract §4.4.5).
var bypassCancellingWithNoInfra = Rule[FlowRunFacts]{
	Name:     "BypassCancellingFlowRunsWithNoInfra",
	From:     []StateType{Scheduled, Paused},
	To:       []StateType{Cancelling},
	Evaluate: evaluateBypassCancelling,
}

func evaluateBypassCancelling(f FlowRunFacts) Verdict {
	cancelled := f.newState(Cancelled, Cancelled.DefaultName())
	switch initial := f.Progress.State; {
	case initial.Type == Scheduled && !f.HasInfrastructure, initial.Name == NameResuming:
		return reject(cancelled, "Scheduled flow run has no infrastructure to terminate.")
	case initial.Type == Paused && initial.Details.PauseReschedule:
		return reject(cancelled, "Suspended flow run has no infrastructure to terminate.")
	default:
		return pass()
	}
}
