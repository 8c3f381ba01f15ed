package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Begin returns the run in its initial state. Initial states are forced
// (contract §3.1), so every state is accepted. The result depends only on the
// arguments: every replica derives the same progress from the same object, and
// creating a run takes one write.
func Begin(run Run, state orchestration.State) Run {
	run.Progress, _ = InitialProgress(run, state)
	run.EndRecorded = time.Time{}
	run.RecordEnd(run.Created)
	return run
}

// InitialProgress returns the progress that follows from the initial state of a
// run, and the decision that accepts the state.
func InitialProgress(run Run, state orchestration.State) (orchestration.Progress, orchestration.Decision) {
	run.Progress = orchestration.Progress{}
	decision := orchestration.Decide(orchestration.Facts{
		Run:      RulesView(&run),
		Proposed: Stored(state),
		Force:    true,
		Now:      state.Timestamp,
		NewID:    state.ID,
	})
	return decision.Progress, decision
}
