package concurrency

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// claimLife is the time within which the state of a claim has to be written. A
// writer that dies keeps a slot from others for so long.
const claimLife = 3 * time.Second

var _ usecase.Slots = (*Service)(nil)

// TagLimits returns the facts of the active limits on the run's tags.
func (s *Service) TagLimits(ctx context.Context, run *taskrun.Run) ([]orchestration.TagLimit, error) {
	var facts []orchestration.TagLimit
	for _, tag := range distinct(run.Tags) {
		l, err := s.find(ctx, TagPrefix+tag)
		if errors.Is(err, taskrun.ErrNotFound) || (err == nil && !l.Active) {
			continue
		}
		if err != nil {
			return nil, err
		}
		facts = append(facts, s.factsFor(l, tag, run))
	}
	return facts, nil
}

// factsFor tells what a limit is to a run. Its own claims count only if it holds
// them: what it tried before must not stand in its own way.
func (s *Service) factsFor(l *Limit, tag string, run *taskrun.Run) orchestration.TagLimit {
	d := s.glance(l)
	held := false
	for _, h := range d.Holdings {
		switch {
		case h.Holder != run.ID || !h.isClaim():
		case run.Holds(h.StateID):
			held = true
		default:
			d.gone[h.ID] = true
		}
	}
	return orchestration.TagLimit{
		Tag: tag, Limit: int64(l.Slots), Taken: int64(math.Ceil(d.taken())), Held: held,
	}
}

// Take claims a slot of the limit on each of the tags, of all or none.
func (s *Service) Take(ctx context.Context, claim taskrun.Claim) (until time.Time, err error) {
	until = s.now().Add(claimLife)
	h := Holding{
		ID: claimID(claim.RunID, claim.StateID), Slots: 1, Kind: KindTaskRun, Holder: claim.RunID, StateID: claim.StateID,
		Since: s.now(), Until: &until,
	}
	for i, name := range tagNames(claim.Tags) {
		err = s.change(ctx, name, func(d *draft) error {
			if !d.Active {
				return nil
			}
			if !d.hasRun(claim.RunID) && !d.fits(1) {
				return taskrun.ErrFull
			}
			d.hold(h)
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			if errors.Is(err, taskrun.ErrFull) {
				s.deny(name, 1)
			}
			return until, errors.Join(err, s.drop(ctx, tagNames(claim.Tags)[:i], h.ID))
		}
	}
	return until, nil
}

// ReleaseClaim ends a claim whose state was not written.
func (s *Service) ReleaseClaim(ctx context.Context, claim taskrun.Claim) error {
	return s.drop(ctx, tagNames(claim.Tags), claimID(claim.RunID, claim.StateID))
}

// drop ends what is held under an id.
func (s *Service) drop(ctx context.Context, names []string, id string) error {
	var all error
	for _, name := range names {
		err := s.change(ctx, name, func(d *draft) error {
			d.release(id)
			return nil
		})
		if !errors.Is(err, taskrun.ErrNotFound) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// tagNames are the names of the limits on tags, in the order in which everybody
// takes them.
func tagNames(tags []string) []string {
	names := make([]string, 0, len(tags))
	for _, tag := range distinct(tags) {
		names = append(names, TagPrefix+tag)
	}
	slices.Sort(names)
	return names
}

// distinct drops repetitions and keeps the order.
func distinct(texts []string) []string { return taskrun.Distinct(texts) }
