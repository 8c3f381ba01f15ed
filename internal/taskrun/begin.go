package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Begin returns the run in its initial state. Initial states are forced
// (contract §3.1), so every state is accepted. The result depends on nothing
// but the arguments: every replica derives the same progress from the same
// object, and creating a run takes one write.
func Begin(run Run, state orchestration.State) Run {
	run.Progress, _ = begin(run, state)
	run.EndRecorded = time.Time{}
	run.noteEnd(run.Created)
	return run
}

func begin(run Run, state orchestration.State) (orchestration.Progress, orchestration.Decision) {
	run.Progress = orchestration.Progress{}
	decision := orchestration.Decide(orchestration.Facts{
		Run:      rulesView(&run),
		Proposed: stored(state),
		Force:    true,
		Now:      state.Timestamp,
		NewID:    state.ID,
	})
	return decision.Progress, decision
}
