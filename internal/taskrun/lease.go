package taskrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Delivery says which worker holds a background run.
type Delivery struct {
	Holder         string // client id of the worker; empty: no worker, any more
	LeaseNamespace string // see Hold; empty without a holder
	PreviousHolder string // client id of the worker that held the run before; empty: none
	Since          time.Time
	Attempts       int // how often the run was handed out
}

// Hold identifies a worker that holds a run, and the Leases that list it while it
// is connected.
type Hold struct {
	Worker string // client id
	// LeaseNamespace is the namespace of the Leases of the operator that the worker
	// is connected to; NoLease if that operator cannot keep one; empty if it is an
	// earlier version, which does not record it.
	LeaseNamespace string
}

// NoLease as the namespace of Leases means that there are none.
const NoLease = "-"

// ErrNotWaiting refuses to hand out a run that does not wait for a worker, or
// not yet, or not any more.
var ErrNotWaiting = errors.New("the run does not wait for a worker")

// MaxHolder is how many characters a worker's client id may have.
const MaxHolder = 256

// Waiting reports whether the run waits for a worker, be its time come or not:
// it is SCHEDULED, was submitted to be run in the background, and nobody holds
// it, nor is it on hold. A worker that reports of a run does not submit it (contract §1.6).
func (r *Run) Waiting() bool {
	if r.State == nil || r.State.Type != orchestration.Scheduled || r.held() || r.OnHold {
		return false
	}
	return r.Delivery != nil || (r.deferred() && !r.State.Reported)
}

// deferred reports whether the current state asks for a run in the background.
func (r *Run) deferred() bool {
	deferred := r.State.Details.Deferred
	return deferred != nil && *deferred
}

// Due is when a waiting run may be handed out.
func (r *Run) Due() time.Time {
	if at := r.State.Details.ScheduledTime; at != nil {
		return *at
	}
	return r.State.Timestamp
}

// Holder is the client id of the worker that holds the run, empty for none.
func (r *Run) Holder() string {
	if r.Delivery == nil {
		return ""
	}
	return r.Delivery.Holder
}

// Hold identifies the worker that holds the run; zero for none.
func (r *Run) Hold() Hold {
	if !r.held() {
		return Hold{}
	}
	return Hold{Worker: r.Delivery.Holder, LeaseNamespace: r.Delivery.LeaseNamespace}
}

// held reports whether a worker holds the run.
func (r *Run) held() bool { return r.Holder() != "" }

// Lease hands the run to a worker: no other gets it as long as this one lives.
// It returns the run as it is to be sent. Errors: ErrNotWaiting when the run is
// not to be had (any more), ErrNotFound, ErrUnavailable.
func (s *Service) Lease(ctx context.Context, id string, to Hold) (*Run, error) {
	var leased *Run
	err := s.update(ctx, id, &claimant{}, func(run *Run) (*Run, error) {
		now := s.now()
		if !run.Waiting() || run.Due().After(now) {
			return nil, ErrNotWaiting
		}
		next := *run
		next.Delivery = &Delivery{
			Holder: to.Worker, LeaseNamespace: to.LeaseNamespace, Since: now, Attempts: run.attempts() + 1,
		}
		if run.Delivery != nil {
			next.Delivery.PreviousHolder = run.Delivery.PreviousHolder
		}
		return &next, nil
	}, func(_, after *Run) { leased = after })
	return leased, err
}

func (r *Run) attempts() int {
	if r.Delivery == nil {
		return 0
	}
	return r.Delivery.Attempts
}

// GiveBack takes back a lease whose run did not reach its worker. A run that is
// not this worker's, or was started, is left alone. Errors: ErrUnavailable.
func (s *Service) GiveBack(ctx context.Context, id, holder string) error {
	return ignoreNotFound(s.update(ctx, id, &claimant{}, func(run *Run) (*Run, error) {
		if !run.held() || run.Delivery.Holder != holder || run.State.Type != orchestration.Scheduled {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next := run.unheld()
		next.Delivery.PreviousHolder = cmp.Or(run.Delivery.PreviousHolder, holder) // this one did not work on it
		return next, nil
	}, func(_, _ *Run) {}))
}

// MoveHold records that the worker which holds the run is connected to another
// operator, whose Leases are in to.LeaseNamespace. A run that the worker does not
// hold any more is left alone. Errors: ErrUnavailable, ErrConflict.
func (s *Service) MoveHold(ctx context.Context, id string, to Hold) error {
	return ignoreNotFound(s.update(ctx, id, &claimant{}, func(run *Run) (*Run, error) {
		if !run.held() || run.Delivery.Holder != to.Worker || run.Finished() || run.Hold() == to {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next, delivery := *run, *run.Delivery
		delivery.LeaseNamespace = to.LeaseNamespace
		next.Delivery = &delivery
		return &next, nil
	}, func(_, _ *Run) {}))
}

// unheld is the run without its holder.
func (r *Run) unheld() *Run {
	next := *r
	next.Delivery = &Delivery{
		PreviousHolder: cmp.Or(r.Delivery.Holder, r.Delivery.PreviousHolder),
		Since:          r.Delivery.Since, Attempts: r.Delivery.Attempts,
	}
	return &next
}

// letGo takes a run that has ended from its worker.
func (r *Run) letGo() {
	if r.held() && r.Finished() {
		r.Delivery = r.unheld().Delivery
	}
}

// submitAgain lets a run wait for a worker anew that somebody, not its worker,
// has put back to SCHEDULED, to be run in the background (contract §1.6).
func (r *Run) submitAgain() {
	if r.held() && r.State.Type == orchestration.Scheduled && r.deferred() {
		r.Delivery = nil
	}
}

// Loss is what became of a run whose worker is gone for good.
type Loss struct {
	Worker string                  // its client id
	Before orchestration.StateType // the type of the state that the run was in
	Run    *Run                    // as it is now
	Moved  bool                    // it got another state; if not, it only waits again
}

// Abandon does what is due when the worker that holds the run is gone for good
// (contract §7.4): a run that was not started waits for another worker, unless
// it was handed out maxAttempts times already; one that was started is tried
// again if its policy says so, and has else CRASHED. It returns what became of
// the run, nil when this hold is over: it is not this worker's any more, the worker
// is connected to another operator, or the run has ended. Errors: ErrUnavailable,
// ErrConflict.
func (s *Service) Abandon(ctx context.Context, id string, from Hold, maxAttempts int) (*Loss, error) {
	var loss *Loss
	var decision orchestration.Decision
	claim := s.claimant()
	err := s.update(ctx, id, claim, func(run *Run) (*Run, error) {
		if !run.held() || run.Hold() != from || run.Finished() {
			return nil, nil //nolint:nilnil // nothing to store
		}
		if run.submitted() && run.attempts() < maxAttempts {
			decision = orchestration.Decision{}
			return run.unheld(), nil
		}
		proposal := run.afterLoss(maxAttempts)
		next, outcome, err := s.judgeLoss(ctx, run, proposal, claim)
		decision = outcome.Decision
		return next, err
	}, func(before, after *Run) {
		loss = &Loss{Worker: from.Worker, Before: before.State.Type, Run: after, Moved: decision.State != nil}
		if loss.Moved {
			s.Notifier.Transitioned(before, after, decision)
		}
	})
	return loss, ignoreNotFound(err)
}

// submitted reports whether the current state has all that a worker needs. One
// that a worker entered to try again by itself does not name the parameters.
func (r *Run) submitted() bool {
	return r.State.Type == orchestration.Scheduled && r.deferred() && r.State.Details.TaskParametersID == r.taskParametersID()
}

// afterLoss proposes what becomes of a run whose worker is gone. A FAILED is
// judged by the run's policy; if that grants no further attempt, the run has
// CRASHED (see judgeLoss).
func (r *Run) afterLoss(maxAttempts int) Proposal {
	worker := "The worker " + r.Delivery.Holder
	details := orchestration.StateDetails{Deferred: new(true), TaskParametersID: r.taskParametersID()}
	switch r.State.Type {
	case orchestration.Scheduled, orchestration.Pending:
		if r.attempts() >= maxAttempts {
			message := fmt.Sprintf("%s is gone, and the run was handed out %d times without being started.", worker, r.attempts())
			return Proposal{Type: orchestration.Crashed, Message: &message, Force: true}
		}
		message := worker + " went away while it was not at work on the run, which is handed out again."
		again := Proposal{Type: orchestration.Scheduled, Message: &message, Details: details, Force: true}
		if r.State.Type == orchestration.Scheduled { // to be tried again, at its time
			again.Name, again.Details.ScheduledTime = &r.State.Name, r.State.Details.ScheduledTime
		}
		return again
	case orchestration.Cancelling:
		message := worker + " went away while the run was being cancelled."
		return Proposal{Type: orchestration.Cancelled, Message: &message, Force: true}
	default:
		message := worker + " went away while it ran the run."
		return Proposal{Type: orchestration.Failed, Message: &message, Details: orchestration.StateDetails{TaskParametersID: details.TaskParametersID}}
	}
}

// judgeLoss judges what afterLoss proposes. The run has no holder afterwards.
func (s *Service) judgeLoss(ctx context.Context, run *Run, p Proposal, claim *claimant) (*Run, Outcome, error) {
	next, outcome, err := s.judge(ctx, run, p, claim, s.now())
	if err == nil && p.Type == orchestration.Failed && outcome.Decision.Status == orchestration.Accept {
		p.Type, p.Force = orchestration.Crashed, true
		next, outcome, err = s.judge(ctx, run, p, claim, s.now())
	}
	if err != nil || next == nil {
		return nil, outcome, err
	}
	if state := next.State; state.Type == orchestration.Scheduled {
		state.Details.Deferred = new(true)
		state.Details.TaskParametersID = run.taskParametersID()
	}
	next.Delivery = run.unheld().Delivery
	return next, outcome, nil
}

// taskParametersID finds the parameters of the run: a worker's own events do not
// repeat them.
func (r *Run) taskParametersID() string {
	for _, state := range slices.Backward(r.States()) {
		if id := state.Details.TaskParametersID; id != "" {
			return id
		}
	}
	return ""
}

// CheckHolder tells whether a worker's client id can be kept (*InvalidError).
func CheckHolder(clientID string) error { return checkText("client_id", clientID, MaxHolder) }

// Submission tells whether the run was ever submitted to be run by a worker, and
// where its parameters are, which the worker needs; empty: it has none.
func (r *Run) Submission() (parametersID string, background bool) {
	if r.Delivery != nil {
		return r.taskParametersID(), true
	}
	for _, state := range r.States() {
		if deferred := state.Details.Deferred; deferred != nil && *deferred && !state.Reported {
			return r.taskParametersID(), true
		}
	}
	return "", false
}
