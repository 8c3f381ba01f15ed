package controller

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// persistStatus writes the status of a run that has none, or one from before the latest
// change of its spec, when the status of a TaskRun would be written.
func (r *FlowReconciler) persistStatus(ctx context.Context, s *flowScope) (Result, error) {
	if !s.run.StatusStale {
		return Result{}, nil
	}
	age := r.Clock.Now().Sub(s.run.Created)
	wait := r.awaitStatus(age, flowRunOnlyWrittenByREST(s.run), r.IdleFor, func() { r.waiting.add(s.request) })
	if !wait.IsZero() {
		return wait, nil
	}
	run, err := s.runs.PersistStatus(ctx, s.run.ID)
	if err != nil {
		return Result{}, err
	}
	s.run = run
	r.reportDuplicateKey(s)
	return Result{}, nil
}

// flowRunOnlyWrittenByREST is onlyWrittenByREST for flow runs.
func flowRunOnlyWrittenByREST(run *flowrun.Run) bool {
	return run.CreatedViaREST && run.Ref.Generation <= 1
}
