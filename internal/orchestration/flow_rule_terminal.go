package orchestration

import "slices"

// handleFlowTerminalStateTransitions guards finished runs, and clears the marks of a run
// that starts again (flows contract §4.4.3). The run count continues, other than that of
// a task run.
var handleFlowTerminalStateTransitions = Rule[FlowRunFacts]{
	Name:     "HandleFlowTerminalStateTransitions",
	From:     terminalTypes,
	To:       anyTypeOrNone,
	Evaluate: evaluateFlowTerminal,
}

func evaluateFlowTerminal(f FlowRunFacts) Verdict {
	initial, to := f.Progress.State, f.Proposed.Type
	switch {
	case slices.Contains([]StateType{Cancelling, Paused, Crashed}, to):
		return abort(alreadyEnded(initial))
	case initial.Type == Completed && !to.Terminal() && persistedFlowResult(initial.Data):
		return rejectWithNothing("Run is already COMPLETED.")
	case losesResult(initial, &f.Proposed):
		return rejectWithNothing(resultKept)
	case to == Scheduled && !f.HasDeployment:
		return abort("Cannot reschedule a run without an associated deployment.")
	case to.Terminal():
		return pass()
	case to == Scheduled:
		return marked(FlowRunMarks{RetryType: RetryReschedule})
	default:
		return marked(FlowRunMarks{})
	}
}

func alreadyEnded(s *State) string { return "Run is already in terminal state " + string(s.Type) + "." }

// preventResultDataLoss keeps the result of a completed run from another COMPLETED
// without one, also by force (flows contract §4.4).
var preventResultDataLoss = Rule[FlowRunFacts]{
	Name: "PreventResultDataLoss",
	From: terminalTypes,
	To:   terminalTypes,
	Evaluate: func(f FlowRunFacts) Verdict {
		if losesResult(f.Progress.State, &f.Proposed) {
			return rejectWithNothing(resultKept)
		}
		return pass()
	},
}

const resultKept = "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not."

func losesResult(initial, proposed *State) bool {
	return initial.Type == Completed && proposed.Type == Completed &&
		persistedFlowResult(initial.Data) && !persistedFlowResult(proposed.Data)
}
