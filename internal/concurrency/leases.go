package concurrency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// partialAfter is the maximum time of acquiring a lease over several limits. Acquire
// fails after half of it. A lease that is on only some of its limits after this time
// is partial: the replica that acquired it has ended.
const partialAfter = 10 * time.Second

// Acquisition is a request for slots.
type Acquisition struct {
	Names     []string
	Slots     int
	RateLimit bool          // reject limits without slot decay
	Lease     time.Duration // TTL without a renewal; 0: anonymous slots, until released
	Holder    *Holder       // nil: unknown
}

// Holder is the holder of a slot lease.
type Holder struct{ Kind, ID string }

// Released is a request to release anonymous slots.
type Released struct {
	Names     []string
	Slots     int
	Occupancy *time.Duration // sum over all slots; nil: unknown
}

// Errors of slots; test for them with errors.Is.
var (
	// ErrTooManySlots: the request exceeds the total slots of an active limit.
	ErrTooManySlots = errors.New("more slots than the limit has")
	// ErrNoLease: the lease has expired, was released, or never existed.
	ErrNoLease = errors.New("no such lease")
)

// LockedError reports that a limit has no free slot.
type LockedError struct {
	// Tag is the first tag without a free slot, if the request has tags.
	Tag string
	// Never is true if the limit of the tag is 0, so that no retry can succeed.
	Never bool
	// RetryAfter is the time to wait before a retry.
	RetryAfter time.Duration
}

func (e *LockedError) Error() string { return "no free slot" }

// NoDecayError has the limits that cannot be used as rate limits.
type NoDecayError struct{ Names []string }

func (e *NoDecayError) Error() string { return "limits without slot decay" }

// Acquire acquires slots of all active limits with the names, or of none. It returns
// all limits with the names, including inactive ones. It ignores names without a
// limit. Errors: *LockedError, ErrTooManySlots, *NoDecayError.
func (s *Service) Acquire(ctx context.Context, in Acquisition) (leaseID string, limits []*View, err error) {
	found, names, err := s.named(ctx, in.Names)
	if err != nil {
		return "", nil, err
	}
	if err := in.check(found); err != nil {
		return "", nil, err
	}
	leaseID = s.NewID()
	if err := s.acquire(ctx, in, leaseID, names); err != nil {
		return "", nil, err
	}
	return leaseID, s.views(found), nil
}

// acquire acquires the slots of the limits in order. If one of them is full, it
// releases the slots that it has acquired.
func (s *Service) acquire(ctx context.Context, in Acquisition, leaseID string, names []string) error {
	since := s.now()
	for i, name := range names {
		err := s.change(ctx, name, s.acquireEdit(in, leaseID, names))
		switch {
		case err == nil, errors.Is(err, taskrun.ErrNotFound):
		case errors.Is(err, taskrun.ErrFull):
			s.deny(name, in.Slots)
			s.rollBack(ctx, names[:i], in, leaseID)
			return &LockedError{RetryAfter: retryAfter()}
		default:
			s.rollBack(ctx, names[:i+1], in, leaseID) // the result of the last write is unknown
			return err
		}
	}
	if len(names) > 1 && s.now().Sub(since) > partialAfter/2 {
		s.rollBack(ctx, names, in, leaseID)
		return fmt.Errorf("acquiring the slots took too long: %w", taskrun.ErrUnavailable)
	}
	return nil
}

// check rejects requests that no retry can satisfy.
func (in Acquisition) check(limits []*Limit) error {
	var steady []string
	for _, l := range limits {
		if l.Active && in.RateLimit && l.Decay == 0 {
			steady = append(steady, l.Name)
		}
	}
	if len(steady) > 0 {
		return &NoDecayError{Names: steady}
	}
	for _, l := range limits {
		if l.Active && in.Slots > l.Slots {
			return ErrTooManySlots
		}
	}
	return nil
}

// acquireEdit returns the edit that acquires the slots of one limit.
func (s *Service) acquireEdit(in Acquisition, leaseID string, names []string) edit {
	return func(t *tx) error {
		switch {
		case !t.Active:
			return nil
		case !t.fits(in.Slots):
			return taskrun.ErrFull
		case in.Lease == 0:
			t.addAnonymous(in.Slots, t.now)
			t.useChanged = true
			return nil
		}
		until := t.now.Add(in.Lease)
		h := SlotLease{ID: leaseID, Slots: in.Slots, Since: t.now, Until: &until}
		if in.Holder != nil {
			h.Kind, h.Holder = in.Holder.Kind, in.Holder.ID
		}
		if len(names) > 1 {
			h.Names = names
		}
		t.add(h)
		return nil
	}
}

// rollBackTimeout limits rollBack, which continues after the caller has disconnected.
const rollBackTimeout = 10 * time.Second

// rollBack releases the slots that an incomplete request has acquired.
func (s *Service) rollBack(ctx context.Context, names []string, in Acquisition, leaseID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackTimeout)
	defer cancel()
	if in.Lease > 0 {
		_ = s.release(ctx, names, leaseID)
		return
	}
	_, _ = s.Release(ctx, Released{Names: names, Slots: in.Slots})
}

// named returns the limits with the names, in this order, and the names of the active
// ones in the common order of acquisition.
func (s *Service) named(ctx context.Context, names []string) (limits []*Limit, active []string, err error) {
	for _, name := range distinct(names) {
		l, err := s.find(ctx, name)
		if errors.Is(err, taskrun.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		limits = append(limits, l)
		if l.Active {
			active = append(active, name)
		}
	}
	slices.Sort(active)
	return limits, active, nil
}

func (s *Service) views(limits []*Limit) []*View {
	views := make([]*View, 0, len(limits))
	for _, l := range limits {
		views = append(views, s.view(l))
	}
	return views
}

// Release releases anonymous slots of the active limits with the names. It returns
// all limits with the names.
func (s *Service) Release(ctx context.Context, in Released) ([]*View, error) {
	found, names, err := s.named(ctx, in.Names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		err := s.change(ctx, name, func(t *tx) error {
			t.addAnonymous(-in.Slots, t.now)
			if in.Occupancy != nil && in.Slots > 0 {
				t.recordOccupancy(in.Occupancy.Seconds() / float64(in.Slots))
			}
			t.useChanged = true
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			return nil, err
		}
	}
	return s.views(found), nil
}

// Renew sets the remaining TTL of a lease. ErrNoLease.
func (s *Service) Renew(ctx context.Context, leaseID string, life time.Duration) error {
	names, err := s.namesOfLease(ctx, leaseID)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return ErrNoLease
	}
	for _, name := range names {
		err := s.change(ctx, name, func(t *tx) error {
			i := t.find(leaseID)
			if i < 0 || t.validityOf(&t.Leases[i]) == expired {
				return ErrNoLease
			}
			until := t.now.Add(life)
			t.Leases[i].Until, t.useChanged = &until, true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ReleaseLease releases the slots of a lease. An unknown lease is no error.
func (s *Service) ReleaseLease(ctx context.Context, leaseID string) error {
	names, err := s.namesOfLease(ctx, leaseID)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := s.change(ctx, name, func(t *tx) error {
			if i := t.find(leaseID); i >= 0 {
				t.recordOccupancy(t.now.Sub(t.Leases[i].Since).Seconds())
			}
			t.release(leaseID)
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			return err
		}
	}
	return nil
}

// namesOfLease returns the names of the limits of a lease. If the cache does not have
// the lease, it refreshes the cache: another replica may have acquired it recently.
func (s *Service) namesOfLease(ctx context.Context, leaseID string) ([]string, error) {
	for _, prepare := range []func(context.Context) error{func(context.Context) error { return nil }, s.Store.Refresh} {
		if err := prepare(ctx); err != nil {
			return nil, err
		}
		all, err := s.Store.List(ctx)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, l := range all {
			if l.has(leaseID) {
				names = append(names, l.Name)
			}
		}
		if len(names) > 0 {
			slices.Sort(names)
			return names, nil
		}
	}
	return nil, nil
}

// AcquireForRun acquires a slot for the run of all active limits on the tags, or of
// none. It returns these limits. Error: *LockedError with its Tag.
func (s *Service) AcquireForRun(ctx context.Context, tags []string, runID string) ([]*View, error) {
	found, names, err := s.named(ctx, tagNames(tags))
	if err != nil {
		return nil, err
	}
	for _, l := range found {
		if l.Active && l.Slots == 0 {
			return nil, &LockedError{Tag: l.Name[len(TagPrefix):], Never: true}
		}
	}
	for i, name := range names {
		err := s.change(ctx, name, leaseFor(runID))
		if errors.Is(err, taskrun.ErrFull) {
			s.deny(name, 1)
			err = &LockedError{Tag: name[len(TagPrefix):], RetryAfter: retryAfter()}
		}
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackTimeout)
			defer cancel()
			return nil, errors.Join(err, s.release(ctx, names[:i], runID))
		}
	}
	active := slices.DeleteFunc(found, func(l *Limit) bool { return !l.Active })
	return s.views(active), nil
}

// leaseFor returns the edit that leases a slot to a run until its release.
func leaseFor(runID string) edit {
	return func(t *tx) error {
		if !t.Active || t.find(runID) >= 0 {
			return nil
		}
		if !t.fits(1) {
			return taskrun.ErrFull
		}
		t.add(SlotLease{ID: runID, Slots: 1, Kind: KindTaskRun, Holder: runID, Since: t.now})
		return nil
	}
}

// ReleaseForRun releases the slots of AcquireForRun. It returns all limits on the
// tags.
func (s *Service) ReleaseForRun(ctx context.Context, tags []string, runID string) ([]*View, error) {
	found, _, err := s.named(ctx, tagNames(tags))
	if err != nil {
		return nil, err
	}
	for _, l := range found {
		err := s.change(ctx, l.Name, func(t *tx) error {
			if i := t.find(runID); i >= 0 {
				t.recordOccupancy(t.now.Sub(t.Leases[i].Since).Seconds())
			}
			t.release(runID)
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			return nil, err
		}
	}
	return s.views(found), nil
}
