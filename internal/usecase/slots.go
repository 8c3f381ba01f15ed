package usecase

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Slots keeps the limits on tags and the claims on their slots. A nil Slots in Options
// means that there are no limits.
//
// A claim counts as a slot while the run holds it, which only the run determines
// (Run.Holds). Before its state is written (Run.Has), it counts for a short time, so
// that the state can be written. So nothing has to be released when a run stops, and a
// process that ends after Take leaves nothing behind: the claim for a state that was
// never written stops counting by itself.
type Slots interface {
	// TagLimits returns the data of the active limits on the tags of the run, each limit
	// once, in the order of the tags. Claims of the run itself count only if it holds
	// them, so that a failed attempt does not block the run. The result may lack recent
	// writes of other replicas: Take decides.
	TagLimits(ctx context.Context, run *taskrun.Run) ([]orchestration.TagLimit, error)
	// Take claims a slot of the limit on each of its tags, of all or none. The state must
	// be written before until, which is after the call; after that another run may have
	// the slots. Taking the same claim again only changes until. A run has one slot of a
	// limit, for any number of claims. ErrFull when a limit has no free slot,
	// ErrConflict when other writers won every time, ErrUnavailable.
	Take(ctx context.Context, claim taskrun.Claim) (until time.Time, err error)
	// ReleaseClaim ends a claim whose state was not written, before its time. It is not
	// an error if the claim has ended or does not exist.
	ReleaseClaim(ctx context.Context, claim taskrun.Claim) error
}

// releaseTimeout limits ReleaseClaim, which also runs after the context of the caller ended.
const releaseTimeout = 5 * time.Second

// slotClaim has the claim of one use case until its state was written or not. All
// attempts propose one state id, so they have one claim. The zero value is for use
// cases that start nothing.
type slotClaim struct {
	service *Service
	stateID string

	claim taskrun.Claim // without tags: no claim
	until time.Time
}

func (s *Service) newSlotClaim() *slotClaim { return &slotClaim{service: s, stateID: s.NewID()} }

// take claims the slots that the decision needs, and releases a different claim of an
// earlier decision. The error can be ErrFull.
func (c *slotClaim) take(ctx context.Context, run *taskrun.Run, decision orchestration.Decision) error {
	if !slices.Equal(c.claim.Tags, decision.Slots) {
		c.release(ctx)
	}
	if len(decision.Slots) == 0 {
		return nil
	}
	claim := taskrun.Claim{RunID: run.ID, StateID: c.stateID, Tags: decision.Slots}
	until, err := c.service.Slots.Take(ctx, claim)
	if err != nil {
		return err
	}
	c.claim, c.until = claim, until
	return nil
}

// decide evaluates a proposal and claims the slots that the decision needs.
func (c *slotClaim) decide(ctx context.Context, run *taskrun.Run, p taskrun.Proposal, now time.Time) (orchestration.Decision, error) {
	facts, err := c.service.gather(ctx, run, p, c.stateID, now)
	if err != nil {
		return orchestration.Decision{}, err
	}
	decision := orchestration.Decide(facts)
	if err = c.take(ctx, run, decision); !errors.Is(err, taskrun.ErrFull) {
		return decision, err
	}
	// Another caller was faster. The limits are read again for the wait they lead to;
	// where they still have a free slot, the failed claim is the newer information.
	if facts, err = c.service.gather(ctx, run, p, c.stateID, now); err != nil {
		return orchestration.Decision{}, err
	}
	facts.TagLimits = markFull(facts.TagLimits)
	decision = orchestration.Decide(facts)
	return decision, c.take(ctx, run, decision)
}

// markFull returns the limits for a run whose claim has just failed with ErrFull.
func markFull(limits []orchestration.TagLimit) []orchestration.TagLimit {
	full := func(l orchestration.TagLimit) bool { return !l.Held && l.Taken >= l.Limit }
	if slices.ContainsFunc(limits, full) {
		return limits
	}
	limits = slices.Clone(limits)
	for i := range limits {
		if l := &limits[i]; !l.Held {
			l.Taken = l.Limit
		}
	}
	return limits
}

// bound returns a context that ends with the claim.
func (c *slotClaim) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if len(c.claim.Tags) == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.until.Sub(c.service.Clock.Now()))
}

// releaseUnlessStored ends the claim if the error says that the state was not written. After
// any other error it may have been written; then the claim expires.
func (c *slotClaim) releaseUnlessStored(ctx context.Context, err error) {
	_, invalid := errors.AsType[*taskrun.InvalidError](err)
	_, rejected := errors.AsType[*taskrun.RejectedError](err)
	if invalid || rejected || errors.Is(err, taskrun.ErrConflict) || errors.Is(err, taskrun.ErrNotFound) {
		c.release(ctx)
	}
}

// release ends the claim, if there is one, so that other runs need not wait until it
// expires. An error does not matter, because the claim stops counting by itself.
func (c *slotClaim) release(ctx context.Context) {
	if len(c.claim.Tags) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	_ = c.service.Slots.ReleaseClaim(ctx, c.claim)
	c.claim = taskrun.Claim{}
}
