package orchestration

// NameLate is the name of the SCHEDULED state of a run that should have started.
const NameLate = "Late"

// ensureOnlyScheduledFlowsMarkedLate marks a run as late once, and only while it is
// SCHEDULED (flows contract §4.4.10).
var ensureOnlyScheduledFlowsMarkedLate = Rule[FlowRunFacts]{
	Name:     "EnsureOnlyScheduledFlowsMarkedLate",
	From:     StateTypes,
	To:       []StateType{Scheduled},
	Evaluate: evaluateLate,
}

func evaluateLate(f FlowRunFacts) Verdict {
	switch initial := f.Progress.State; {
	case f.Proposed.Name != NameLate:
		return pass()
	case initial.Type != Scheduled:
		return rejectWithNothing("Only scheduled flows can be marked late.")
	case initial.Name == NameLate:
		return rejectWithNothing("This flow run is already marked late.")
	default:
		return pass()
	}
}
