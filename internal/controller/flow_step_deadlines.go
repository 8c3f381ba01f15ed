package controller

import (
	"cmp"
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// expirePause ends a run whose pause has timed out, also if its process still waits
// (flows contract §6).
func (r *FlowReconciler) expirePause(ctx context.Context, s *flowScope) (Result, error) {
	return r.at(ctx, s, s.run.PauseEnd(), s.runs.ExpirePause, pauseTimedOut)
}

// endCancelling ends a run whose cancellation was not confirmed in time (flows contract §6).
func (r *FlowReconciler) endCancelling(ctx context.Context, s *flowScope) (Result, error) {
	return r.at(ctx, s, s.run.CancellingEnd(), s.runs.EndCancelling, cancellationTimedOut)
}

// markLate marks a run as late that was not started at its time (flows contract §6).
func (r *FlowReconciler) markLate(ctx context.Context, s *flowScope) (Result, error) {
	return r.at(ctx, s, s.run.LateTime(), s.runs.MarkLate, late)
}

// at acts on the run when it is due; nil: never. Another change follows if the run was not
// as it was read. An Event tells of the new state.
func (r *FlowReconciler) at(
	ctx context.Context, s *flowScope, due *time.Time, act func(ctx context.Context, id string) (*flowrun.Run, error), told deadlineEvent,
) (Result, error) {
	if due == nil {
		return Result{}, nil
	}
	if wait := due.Sub(r.Clock.Now()); wait > 0 {
		return requeueAfter(wait), nil
	}
	run, err := act(ctx, s.run.ID)
	if err != nil {
		return Result{}, err
	}
	r.emitDeadline(s, run, told)
	s.run = run
	return Result{}, nil
}

// flowRunDue returns when a step ends or marks the run; nil: never.
func flowRunDue(run *flowrun.Run) *time.Time {
	return cmp.Or(run.PauseEnd(), run.CancellingEnd(), run.LateTime())
}
