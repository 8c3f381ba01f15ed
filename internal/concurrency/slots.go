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

// claimTTL is the time within which the state of a claim must be written. A replica
// that ends before the write blocks the slot for this time.
const claimTTL = 3 * time.Second

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

// factsFor returns the facts of a limit for a run. A claim of the run counts only if
// the run is in the claimed state: an earlier attempt must not block the run.
func (s *Service) factsFor(l *Limit, tag string, run *taskrun.Run) orchestration.TagLimit {
	t := s.preview(l)
	held := false
	for _, h := range t.Leases {
		switch {
		case h.Holder != run.ID || !h.isClaim():
		case run.Holds(h.StateID):
			held = true
		default:
			t.expiredIDs[h.ID] = true
		}
	}
	return orchestration.TagLimit{
		Tag: tag, Limit: int64(l.Slots), Taken: int64(math.Ceil(t.used())), Held: held,
	}
}

// Take claims a slot of the limits on all of the tags, or of none.
func (s *Service) Take(ctx context.Context, claim taskrun.Claim) (until time.Time, err error) {
	until = s.now().Add(claimTTL)
	h := SlotLease{
		ID: claimID(claim.RunID, claim.StateID), Slots: 1, Kind: KindTaskRun, Holder: claim.RunID, StateID: claim.StateID,
		Since: s.now(), Until: &until,
	}
	for i, name := range tagNames(claim.Tags) {
		err = s.change(ctx, name, func(t *tx) error {
			if !t.Active {
				return nil
			}
			if !t.hasRun(claim.RunID) && !t.fits(1) {
				return taskrun.ErrFull
			}
			t.add(h)
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			if errors.Is(err, taskrun.ErrFull) {
				s.deny(name, 1)
			}
			return until, errors.Join(err, s.release(ctx, tagNames(claim.Tags)[:i], h.ID))
		}
	}
	return until, nil
}

// ReleaseClaim removes a claim whose state was not written.
func (s *Service) ReleaseClaim(ctx context.Context, claim taskrun.Claim) error {
	return s.release(ctx, tagNames(claim.Tags), claimID(claim.RunID, claim.StateID))
}

// release removes the slot leases with an id.
func (s *Service) release(ctx context.Context, names []string, id string) error {
	var all error
	for _, name := range names {
		err := s.change(ctx, name, func(t *tx) error {
			t.release(id)
			return nil
		})
		if !errors.Is(err, taskrun.ErrNotFound) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// tagNames returns the names of the limits on tags, in the common order of
// acquisition.
func tagNames(tags []string) []string {
	names := make([]string, 0, len(tags))
	for _, tag := range distinct(tags) {
		names = append(names, TagPrefix+tag)
	}
	slices.Sort(names)
	return names
}

// distinct removes duplicates and keeps the order.
func distinct(texts []string) []string { return taskrun.Distinct(texts) }
