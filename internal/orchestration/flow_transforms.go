package orchestration

import "math"

// flowRunTransform makes one change that a written state of a flow run brings about. It
// edits the progress of the facts. initial is the state before, nil if there was none.
type flowRunTransform func(f *FlowRunFacts, initial *State)

// incrementFlowRunCount counts entries into RUNNING, also from RUNNING, over the whole
// life of the run. Without the mark, a resume counts too. It consumes no retry then.
func incrementFlowRunCount(f *FlowRunFacts, initial *State) {
	p := &f.Progress
	if f.Proposed.Type != Running || p.Resuming || p.RunCount == math.MaxInt64 {
		return
	}
	p.RunCount++
	if f.Resume && initial.typ() == Paused {
		p.NonCountingAttempts++
	}
}

// removeResumingIndicator clears the mark when the run continues or has finished.
func removeResumingIndicator(f *FlowRunFacts, _ *State) {
	if f.Proposed.Type == Running || f.Proposed.Type.Terminal() {
		f.Progress.Resuming = false
	}
}
