package flowrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Begin returns the run in its initial state. The Minimal policy applies to an initial
// state of any type (flows contract §2.2), so every state is accepted. The result depends
// on nothing but the arguments: every replica derives the same progress from the same
// object, and the creation of a run takes one write.
//
// Of the run's progress, Begin uses PauseKeys, Resuming and RetryType, which clients can
// set when they create a run.
func Begin(run Run, state orchestration.State) Run {
	run.FlowRunProgress, _ = InitialProgress(run, state)
	run.EndRecorded = time.Time{}
	run.RecordEnd(run.Created)
	return run
}

// InitialProgress returns what follows from the initial state of a run, and the decision
// that accepts it.
func InitialProgress(run Run, state orchestration.State) (orchestration.FlowRunProgress, orchestration.FlowRunDecision) {
	run.FlowRunProgress = orchestration.FlowRunProgress{PauseKeys: run.PauseKeys, Resuming: run.Resuming, RetryType: run.RetryType}
	facts := run.Facts(taskrun.Stored(state))
	facts.Policy = orchestration.FlowRunMinimal
	facts.Now = state.Timestamp
	facts.NewID = state.ID
	decision := orchestration.DecideFlowRun(facts)
	return decision.Progress, decision
}

// Facts returns what the rules know of the run and of the proposed state. The caller adds
// Policy, Now, NewID and NewPauseKey.
func (r *Run) Facts(proposed orchestration.State) orchestration.FlowRunFacts {
	return orchestration.FlowRunFacts{
		ID:                r.ID,
		Progress:          r.FlowRunProgress,
		Retries:           r.Policy.Retries,
		RetryDelay:        r.Policy.RetryDelay,
		ParentTaskRunID:   r.ParentTaskRunID,
		HasInfrastructure: r.InfrastructurePID != nil && *r.InfrastructurePID != "",
		HasDeployment:     r.DeploymentID != "",
		Proposed:          proposed,
	}
}
