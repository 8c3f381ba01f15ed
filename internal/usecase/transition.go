package usecase

import (
	"context"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// SetState proposes a state for a run and stores the decision of the rules
// (contract §3). Errors: ErrNotFound, *InvalidError, ErrConflict when other
// writers won every time, ErrUnavailable.
func (s *Service) SetState(ctx context.Context, id string, p taskrun.Proposal) (taskrun.Outcome, error) {
	p = p.Fit()
	var outcome taskrun.Outcome
	claim := s.newSlotClaim()
	err := s.update(ctx, id, claim, func(run *taskrun.Run) (next *taskrun.Run, err error) {
		next, outcome, err = s.decide(ctx, run, p, claim, s.now())
		return next, err
	}, func(before, after *taskrun.Run) {
		outcome.Run, outcome.Written = after, true
		s.Notifier.Transitioned(before, after, outcome.Decision)
	})
	if err != nil {
		return taskrun.Outcome{}, err
	}
	return outcome, nil
}

// decide decides about a proposal, and claims the slots that the decision needs.
// It returns the run to store, nil if nothing changes, and the outcome if nothing is
// stored. The State of the outcome is the state to write, if there is one.
func (s *Service) decide(
	ctx context.Context, run *taskrun.Run, p taskrun.Proposal, claim *slotClaim, now time.Time,
) (*taskrun.Run, taskrun.Outcome, error) {
	if p.Fault != "" {
		return nil, taskrun.Outcome{Run: run, State: run.State, Decision: orchestration.Decision{
			Status: orchestration.Abort, Reason: p.Fault, Progress: run.Progress,
		}}, nil
	}
	decision, err := claim.decide(ctx, run, p, now)
	if err != nil {
		return nil, taskrun.Outcome{}, err
	}
	outcome := taskrun.Outcome{Run: run, Decision: decision, State: run.State}
	if decision.State == nil {
		return nil, outcome, nil
	}
	next := *run
	next.Progress = decision.Progress
	kept := taskrun.Stored(*decision.State)
	kept.CacheEntry = kept.CacheEntry && !p.DataCut // the truncated result cannot be used
	next.State = &kept
	if run.State != nil {
		next.History = append(slices.Clone(run.History), *run.State)
	}
	next.Touch(now)
	next.RecordEnd(now)
	next.TruncateTexts()
	releaseFinished(&next)
	resubmit(&next)
	outcome.State = decision.State
	return &next, outcome, nil
}

// update loads a run, calls change for its next version, and stores that
// by compare-and-swap. After a conflict with another writer the stored run is
// evaluated again; an earlier decision is never applied. When change
// returns nil nothing is stored and done is not called. The claim of change
// on slots is kept if the run was stored, and released otherwise.
func (s *Service) update(
	ctx context.Context, id string, claim *slotClaim, change func(*taskrun.Run) (*taskrun.Run, error), done func(before, after *taskrun.Run),
) error {
	swap := Swap[taskrun.Run]{
		Load:   func(ctx context.Context) (*taskrun.Run, error) { return s.Store.Get(ctx, id) },
		Reload: s.Store.Reload,
		Write:  func(ctx context.Context, next *taskrun.Run) (*taskrun.Run, error) { return s.write(ctx, next, claim) },
		Wrote:  claim.wrote,
	}
	err := swap.Do(ctx, change, done)
	claim.releaseUnlessStored(ctx, err)
	return err
}

// wrote is Swap.Wrote. The id of the state shows that the write was done, because no other use case uses the same one.
// States that are recorded from events have the ids of their clients, and no claim.
func (c *slotClaim) wrote(before, next, stored *taskrun.Run) bool {
	proposed := c.stateID != "" && next.State != nil && !before.Has(next.State.ID)
	return proposed && stored.Has(next.State.ID)
}

// write stores the next version of a run, before the claim expires.
func (s *Service) write(ctx context.Context, next *taskrun.Run, claim *slotClaim) (*taskrun.Run, error) {
	ctx, cancel := claim.bound(ctx)
	defer cancel()
	return s.Store.UpdateProgress(ctx, s.withExpiration(next))
}
