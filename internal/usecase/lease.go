package usecase

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ErrNotWaiting rejects the delivery of a run that does not wait for a worker, or is
// not due.
var ErrNotWaiting = errors.New("the run does not wait for a worker")

// Lease leases a waiting run to a worker. No other worker receives the run while
// this one holds it. Lease returns the run to send. Errors: ErrNotWaiting,
// ErrNotFound, ErrUnavailable.
func (s *Service) Lease(ctx context.Context, id string, to taskrun.Hold) (*taskrun.Run, error) {
	var leased *taskrun.Run
	err := s.update(ctx, id, &slotClaim{}, func(run *taskrun.Run) (*taskrun.Run, error) {
		now := s.now()
		if !run.Waiting() || run.Due().After(now) {
			return nil, ErrNotWaiting
		}
		next := *run
		next.Delivery = &taskrun.Delivery{
			Holder: to.Worker, LeaseNamespace: to.LeaseNamespace, Since: now, Attempts: run.Attempts() + 1,
		}
		if run.Delivery != nil {
			next.Delivery.PreviousHolder = run.Delivery.PreviousHolder
		}
		return &next, nil
	}, func(_, after *taskrun.Run) { leased = after })
	return leased, err
}

// Release ends the lease of a run that did not reach its worker. A run that another
// worker holds, or that was started, does not change. Errors: ErrUnavailable.
func (s *Service) Release(ctx context.Context, id, holder string) error {
	return ignoreNotFound(s.update(ctx, id, &slotClaim{}, func(run *taskrun.Run) (*taskrun.Run, error) {
		if !run.Held() || run.Delivery.Holder != holder || run.State.Type != orchestration.Scheduled {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next := released(run)
		next.Delivery.PreviousHolder = cmp.Or(run.Delivery.PreviousHolder, holder) // this worker did not start the run
		return next, nil
	}, func(_, _ *taskrun.Run) {}))
}

// RecordLeaseNamespace records that the worker of the run is connected to another
// operator, whose Leases are in to.LeaseNamespace. A run that the worker no longer
// holds does not change. Errors: ErrUnavailable, ErrConflict.
func (s *Service) RecordLeaseNamespace(ctx context.Context, id string, to taskrun.Hold) error {
	return ignoreNotFound(s.update(ctx, id, &slotClaim{}, func(run *taskrun.Run) (*taskrun.Run, error) {
		if !run.Held() || run.Delivery.Holder != to.Worker || run.Finished() || run.Hold() == to {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next, delivery := *run, *run.Delivery
		delivery.LeaseNamespace = to.LeaseNamespace
		next.Delivery = &delivery
		return &next, nil
	}, func(_, _ *taskrun.Run) {}))
}

// released returns the run without its holder.
func released(r *taskrun.Run) *taskrun.Run {
	next := *r
	next.Delivery = &taskrun.Delivery{
		PreviousHolder: cmp.Or(r.Delivery.Holder, r.Delivery.PreviousHolder),
		Since:          r.Delivery.Since, Attempts: r.Delivery.Attempts,
	}
	return &next
}

// releaseFinished removes the holder of a finished run.
func releaseFinished(r *taskrun.Run) {
	if r.Held() && r.Finished() {
		r.Delivery = released(r).Delivery
	}
}

// resubmit removes the delivery of a run that a client other than its worker set to
// SCHEDULED again, to be run in the background (contract §1.6). The run then waits for
// a worker.
func resubmit(r *taskrun.Run) {
	if r.Held() && r.State.Type == orchestration.Scheduled && r.Deferred() {
		r.Delivery = nil
	}
}

// Loss describes a run that was taken from a lost worker.
type Loss struct {
	Worker string                  // client id
	Before orchestration.StateType // type of the earlier state
	Run    *taskrun.Run            // the new version
	Moved  bool                    // the state changed; false: the run waits again in its earlier state
}

// Abandon takes a run from a lost worker (contract §7.4). A run that was not started
// waits for another worker, or becomes CRASHED after maxAttempts deliveries. A run
// that was started gets another attempt if its policy grants one, and becomes
// CRASHED otherwise. The result is nil if the hold has changed or the run has
// finished. Errors: ErrUnavailable, ErrConflict.
func (s *Service) Abandon(ctx context.Context, id string, from taskrun.Hold, maxAttempts int) (*Loss, error) {
	var loss *Loss
	var decision orchestration.Decision
	claim := s.newSlotClaim()
	err := s.update(ctx, id, claim, func(run *taskrun.Run) (*taskrun.Run, error) {
		if !run.Held() || run.Hold() != from || run.Finished() {
			return nil, nil //nolint:nilnil // nothing to store
		}
		if submitted(run) && run.Attempts() < maxAttempts {
			decision = orchestration.Decision{}
			return released(run), nil
		}
		proposal := proposalAfterLoss(run, maxAttempts)
		next, outcome, err := s.decideLoss(ctx, run, proposal, claim)
		decision = outcome.Decision
		return next, err
	}, func(before, after *taskrun.Run) {
		loss = &Loss{Worker: from.Worker, Before: before.State.Type, Run: after, Moved: decision.State != nil}
		if loss.Moved {
			s.Notifier.Transitioned(before, after, decision)
		}
	})
	return loss, ignoreNotFound(err)
}

// submitted reports whether the current state has all that a worker needs. A state
// that a worker reported for its own retry lacks the id of the parameters.
func submitted(r *taskrun.Run) bool {
	return r.State.Type == orchestration.Scheduled && r.Deferred() && r.State.Details.TaskParametersID == r.TaskParametersID()
}

// proposalAfterLoss returns the proposal for a run whose worker is lost. The retry
// policy of the run applies to FAILED. Without a further attempt, the run becomes
// CRASHED (see decideLoss).
func proposalAfterLoss(r *taskrun.Run, maxAttempts int) taskrun.Proposal {
	worker := "The worker " + r.Delivery.Holder
	details := orchestration.StateDetails{Deferred: new(true), TaskParametersID: r.TaskParametersID()}
	switch r.State.Type {
	case orchestration.Scheduled, orchestration.Pending:
		if r.Attempts() >= maxAttempts {
			message := fmt.Sprintf("%s was lost. The run was %s and not started.", worker, r.Delivery.Count())
			return taskrun.Proposal{Type: orchestration.Crashed, Message: &message, Force: true}
		}
		message := worker + " was lost before it started the run. The run is redelivered."
		again := taskrun.Proposal{Type: orchestration.Scheduled, Message: &message, Details: details, Force: true}
		if r.State.Type == orchestration.Scheduled { // awaits its retry
			again.Name, again.Details.ScheduledTime = &r.State.Name, r.State.Details.ScheduledTime
		}
		return again
	case orchestration.Cancelling:
		message := worker + " was lost while it cancelled the run."
		return taskrun.Proposal{Type: orchestration.Cancelled, Message: &message, Force: true}
	default:
		message := worker + " was lost while it executed the run."
		return taskrun.Proposal{Type: orchestration.Failed, Message: &message, Details: orchestration.StateDetails{TaskParametersID: details.TaskParametersID}}
	}
}

// decideLoss evaluates the proposal of proposalAfterLoss. The result has no holder.
func (s *Service) decideLoss(ctx context.Context, run *taskrun.Run, p taskrun.Proposal, claim *slotClaim) (*taskrun.Run, taskrun.Outcome, error) {
	next, outcome, err := s.decide(ctx, run, p, claim, s.now())
	if err == nil && p.Type == orchestration.Failed && outcome.Decision.Status == orchestration.Accept {
		p.Type, p.Force = orchestration.Crashed, true
		next, outcome, err = s.decide(ctx, run, p, claim, s.now())
	}
	if err != nil || next == nil {
		return nil, outcome, err
	}
	if state := next.State; state.Type == orchestration.Scheduled {
		state.Details.Deferred = new(true)
		state.Details.TaskParametersID = run.TaskParametersID()
	}
	next.Delivery = released(run).Delivery
	return next, outcome, nil
}
