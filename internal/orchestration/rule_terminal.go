package orchestration

import (
	"fmt"
	"slices"
)

// handleTaskTerminalStateTransitions guards what has finished (contract §3.4).
// Its TO set includes None: after it refused with nothing it is still at home.
var handleTaskTerminalStateTransitions = Rule[Facts]{
	Name:     "HandleTaskTerminalStateTransitions",
	From:     terminalTypes,
	To:       anyTypeOrNone,
	Evaluate: evaluateTerminal,
}

func evaluateTerminal(f Facts) Verdict {
	initial := f.Run.State
	if slices.Contains([]StateType{Cancelling, Paused, Crashed}, f.Proposed.Type) {
		return abort(fmt.Sprintf("Run is already %s.", initial.Type))
	}
	if initial.Type == Completed && persistedResult(initial.Data) {
		return rejectWithNothing("This run is already completed.")
	}

	v := pass()
	if !f.Proposed.Type.Terminal() {
		v.RunCount = new(int64(0)) // a restart has all retries again
	}
	if f.Proposed.Type == Running && f.retriedByFlow() {
		retrying := f.Proposed
		retrying.Name = NameRetrying
		v.State = &retrying
	}
	return v
}

// retriedByFlow reports whether the flow run has started again since the task
// run last started.
func (f Facts) retriedByFlow() bool {
	return f.FlowRun != nil && f.Run.FlowRunRunCount < f.FlowRun.RunCount
}
