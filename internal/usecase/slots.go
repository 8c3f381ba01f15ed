package usecase

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Slots keeps the limits on tags, and who claims slots of them. A nil Slots in
// Options stands for no limits.
//
// A claim is no slot yet. It counts as one while the run holds it, which the run
// alone tells (Run.Holds); and, as long as its state was not written (Run.Has),
// for a short time, so that it can be. Hence nothing has to be given back when a
// run stops, and a writer that dies after Take leaves nothing behind: the claim
// for a state that was never written ceases to count by itself.
type Slots interface {
	// TagLimits returns what the rules need to know of the active limits on the
	// run's tags: each limit once, in the order of the tags. Claims of the run
	// itself count only if it holds them: what it tried before must not stand in
	// its own way. It may not see what another replica wrote a moment ago: Take is
	// the arbiter.
	TagLimits(ctx context.Context, run *taskrun.Run) ([]orchestration.TagLimit, error)
	// Take makes a claim on a slot of the limit on each of its tags, on all or
	// none. The state must be written before until, which is after the call; what
	// is written later may find the slots with another run. Making the same claim
	// again is not another one: it only moves until. A run has one slot of a
	// limit, however many claims. ErrFull when a limit has no free slot,
	// ErrConflict when other writers won every time, ErrUnavailable.
	Take(ctx context.Context, claim taskrun.Claim) (until time.Time, err error)
	// ReleaseClaim ends a claim whose state was not written, before its time. The
	// claim may be gone, or may never have been made.
	ReleaseClaim(ctx context.Context, claim taskrun.Claim) error
}

// releaseTimeout limits ReleaseClaim, which also runs when the caller has gone.
const releaseTimeout = 5 * time.Second

// slotClaim makes the claim of one use case and follows it until the state was
// written or not. All its attempts propose one state id: so they make one claim.
// The zero claimant is for use cases that start nothing.
type slotClaim struct {
	service *Service
	stateID string

	claim taskrun.Claim // without tags: none is made
	until time.Time
}

func (s *Service) newSlotClaim() *slotClaim { return &slotClaim{service: s, stateID: s.NewID()} }

// take makes the claim that the decision needs, and gives back the one that an
// earlier decision needed if it is another. The error can be ErrFull.
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

// decide judges a proposal and makes the claim that comes with the decision.
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
	// where they still look free, the refusal is the newer knowledge.
	if facts, err = c.service.gather(ctx, run, p, c.stateID, now); err != nil {
		return orchestration.Decision{}, err
	}
	facts.TagLimits = markFull(facts.TagLimits)
	decision = orchestration.Decide(facts)
	return decision, c.take(ctx, run, decision)
}

// markFull are the limits to a run that was just told that one of them is full.
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

// bound gives the write the time that the claim leaves for it.
func (c *slotClaim) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if len(c.claim.Tags) == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.until.Sub(c.service.Clock.Now()))
}

// releaseUnlessStored ends the claim if the error says that the state was not written. After
// any other error it may have been; then time tells.
func (c *slotClaim) releaseUnlessStored(ctx context.Context, err error) {
	_, invalid := errors.AsType[*taskrun.InvalidError](err)
	_, rejected := errors.AsType[*taskrun.RejectedError](err)
	if invalid || rejected || errors.Is(err, taskrun.ErrConflict) || errors.Is(err, taskrun.ErrNotFound) {
		c.release(ctx)
	}
}

// release ends the claim, if there is one. It is a courtesy to those who wait:
// the claim would cease to count anyway, so that a failure does not matter.
func (c *slotClaim) release(ctx context.Context) {
	if len(c.claim.Tags) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	_ = c.service.Slots.ReleaseClaim(ctx, c.claim)
	c.claim = taskrun.Claim{}
}
