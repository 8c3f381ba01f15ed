package usecase

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ErrNotWaiting rejects the delivery of a run that is not due, or that does not wait
// for a worker.
var ErrNotWaiting = errors.New("the run does not wait for a worker")

// Lease makes the worker the holder of the run. No other worker gets the run until
// this one is lost or releases it. Lease returns the run that is to be sent. Errors:
// ErrNotWaiting if the run does not wait for a worker, ErrNotFound, ErrUnavailable.
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
		next.Delivery.PreviousHolder = cmp.Or(run.Delivery.PreviousHolder, holder) // this one did not work on it
		return next, nil
	}, func(_, _ *taskrun.Run) {}))
}

// MoveHold records that the worker which holds the run is connected to another
// operator, whose Leases are in to.LeaseNamespace. A run that the worker does not
// hold any more does not change. Errors: ErrUnavailable, ErrConflict.
func (s *Service) MoveHold(ctx context.Context, id string, to taskrun.Hold) error {
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

// released is the run without its holder.
func released(r *taskrun.Run) *taskrun.Run {
	next := *r
	next.Delivery = &taskrun.Delivery{
		PreviousHolder: cmp.Or(r.Delivery.Holder, r.Delivery.PreviousHolder),
		Since:          r.Delivery.Since, Attempts: r.Delivery.Attempts,
	}
	return &next
}

// releaseFinished takes a run that has ended from its worker.
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

// Loss is the outcome for a run whose worker was lost.
type Loss struct {
	Worker string                  // its client id
	Before orchestration.StateType // the type of the state that the run was in
	Run    *taskrun.Run            // as it is now
	Moved  bool                    // it got another state; if not, it only waits again
}

// Abandon takes the run from a worker that was lost (contract §7.4). A run that was
// not started waits for another worker, unless it was delivered maxAttempts times. A
// run that was started is retried if its policy allows it, and is CRASHED otherwise.
// The result is nil if this hold has ended: another worker holds the run, the worker
// is connected to another operator, or the run has finished. Errors: ErrUnavailable,
// ErrConflict.
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

// submitted reports whether the current state has all that a worker needs. One
// that a worker entered to try again by itself does not name the parameters.
func submitted(r *taskrun.Run) bool {
	return r.State.Type == orchestration.Scheduled && r.Deferred() && r.State.Details.TaskParametersID == r.TaskParametersID()
}

// proposalAfterLoss returns the state that is proposed for a run whose worker was
// lost. FAILED is evaluated by the run's policy; if the policy allows no further
// attempt, the run becomes CRASHED (see decideLoss).
func proposalAfterLoss(r *taskrun.Run, maxAttempts int) taskrun.Proposal {
	worker := "The worker " + r.Delivery.Holder
	details := orchestration.StateDetails{Deferred: new(true), TaskParametersID: r.TaskParametersID()}
	switch r.State.Type {
	case orchestration.Scheduled, orchestration.Pending:
		if r.Attempts() >= maxAttempts {
			message := fmt.Sprintf("%s was lost. The run was delivered %s, and no worker started it.", worker, times(r.Attempts()))
			return taskrun.Proposal{Type: orchestration.Crashed, Message: &message, Force: true}
		}
		message := worker + " was lost before it started the run. The run is delivered again."
		again := taskrun.Proposal{Type: orchestration.Scheduled, Message: &message, Details: details, Force: true}
		if r.State.Type == orchestration.Scheduled { // to be tried again, at its time
			again.Name, again.Details.ScheduledTime = &r.State.Name, r.State.Details.ScheduledTime
		}
		return again
	case orchestration.Cancelling:
		message := worker + " was lost while the run was being cancelled."
		return taskrun.Proposal{Type: orchestration.Cancelled, Message: &message, Force: true}
	default:
		message := worker + " was lost while it executed the run."
		return taskrun.Proposal{Type: orchestration.Failed, Message: &message, Details: orchestration.StateDetails{TaskParametersID: details.TaskParametersID}}
	}
}

// decideLoss evaluates the state that proposalAfterLoss returned. The run has no
// holder afterwards.
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

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
