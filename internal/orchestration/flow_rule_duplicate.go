package orchestration

// preventDuplicateTransitions evaluates a transition that a client repeats once (flows
// contract §4.4.2). It knows the current state only. The caller has the transition ids of
// earlier proposals.
var preventDuplicateTransitions = Rule[FlowRunFacts]{
	Name:     "PreventDuplicateTransitions",
	From:     StateTypes,
	To:       anyTypeOrNone,
	Evaluate: evaluateDuplicate,
}

func evaluateDuplicate(f FlowRunFacts) Verdict {
	id := f.Proposed.Details.TransitionID
	if id == "" || id != f.Progress.State.Details.TransitionID {
		return pass()
	}
	return rejectWithNothing("This run has already made this state transition.")
}
