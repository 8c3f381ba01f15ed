package controller

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

const (
	// copyDelay is the time after a transition of a subflow at which its task run must have
	// the state. The call that stored the state copies it, so the controller comes later.
	copyDelay = 5 * time.Second
	// childrenInterval is the shortest time between two looks for children of a cancelled
	// flow run (flows contract §6). Task runs can be created or reported late, so the looks
	// go on while the run exists.
	childrenInterval = 20 * time.Second
	// childrenPatience is the part of the time since the cancellation that passes between
	// two looks, up to maxWait: late children become rare.
	childrenPatience = 30
)

// repairCopy gives the task run that stands for a subflow its state, if the program that
// stored the state ended before it did (flows contract §4.7).
func (r *FlowReconciler) repairCopy(ctx context.Context, s *flowScope) (Result, error) {
	if s.run.ParentTaskRunID == "" || s.run.State == nil {
		return Result{}, nil
	}
	if wait := s.run.State.Timestamp.Add(copyDelay).Sub(r.Clock.Now()); wait > 0 {
		return requeueAfter(min(wait, copyDelay)), nil // the state can have the time of another clock
	}
	return Result{}, s.runs.RepairCopy(ctx, s.run)
}

// cancelChildren cancels what a cancelled flow run has left unfinished (flows contract §6).
func (r *FlowReconciler) cancelChildren(ctx context.Context, s *flowScope) (Result, error) {
	if s.run.State == nil || s.run.State.Type != orchestration.Cancelled {
		return Result{}, nil
	}
	more, err := s.runs.CancelChildren(ctx, s.run)
	switch {
	case err != nil:
		return Result{}, err
	case more:
		s.moreChildren = true
		return requeueAfter(minWait), nil // other runs come in between
	default:
		return requeueAfter(max(childrenInterval, r.Clock.Since(s.run.State.Timestamp)/childrenPatience)), nil
	}
}
