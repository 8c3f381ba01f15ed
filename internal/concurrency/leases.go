package concurrency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// tearTime is how long taking a lease over several limits may take. A taker that
// needs longer than half of it gives up; a lease that is on some of its limits
// only after that time was left by a replica that ended.
const tearTime = 10 * time.Second

// Acquisition asks for slots.
type Acquisition struct {
	Names     []string
	Slots     int
	RateLimit bool          // only limits whose slots decay will do
	Lease     time.Duration // how long the slots are held without a renewal; 0: until released
	Holder    *Holder       // nil: not told
}

// Holder is who holds a lease.
type Holder struct{ Kind, ID string }

// Returned gives slots back.
type Returned struct {
	Names     []string
	Slots     int
	Occupancy *time.Duration // how long they were held, all together; nil: not told
}

// Errors of slots; test for them with errors.Is.
var (
	// ErrTooManySlots: more slots are asked for than an active limit has.
	ErrTooManySlots = errors.New("more slots than the limit has")
	// ErrLeaseGone: the lease ran out, was given back, or never was.
	ErrLeaseGone = errors.New("no such lease")
)

// LockedError tells that a limit has no free slot.
type LockedError struct {
	// Tag is the first of the tags, if tags were asked for.
	Tag string
	// Never tells that the tag's limit is 0, so that another try is of no use.
	Never bool
	// RetryAfter is when to try again.
	RetryAfter time.Duration
}

func (e *LockedError) Error() string { return "no free slot" }

// NoDecayError tells which limits cannot be used as rate limits.
type NoDecayError struct{ Names []string }

func (e *NoDecayError) Error() string { return "limits without slot decay" }

// Acquire takes slots of all active limits of the names, or none. The limits
// returned are all that have one of the names, the inactive among them. Names
// without a limit are left out. *LockedError, ErrTooManySlots, *NoDecayError.
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

// acquire takes the slots of the limits in order. What was taken before one of
// them was full is given back.
func (s *Service) acquire(ctx context.Context, in Acquisition, leaseID string, names []string) error {
	since := s.now()
	for i, name := range names {
		err := s.change(ctx, name, s.take(in, leaseID, names))
		switch {
		case err == nil, errors.Is(err, taskrun.ErrNotFound):
		case errors.Is(err, taskrun.ErrFull):
			s.deny(name, in.Slots)
			s.undo(ctx, names[:i], in, leaseID)
			return &LockedError{RetryAfter: retryAfter()}
		default:
			s.undo(ctx, names[:i+1], in, leaseID) // of the last write nothing is known
			return err
		}
	}
	if len(names) > 1 && s.now().Sub(since) > tearTime/2 {
		s.undo(ctx, names, in, leaseID)
		return fmt.Errorf("taking the slots took too long: %w", taskrun.ErrUnavailable)
	}
	return nil
}

// check refuses what no waiting would help.
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

// take is the edit that takes the slots of one limit.
func (s *Service) take(in Acquisition, leaseID string, names []string) edit {
	return func(d *draft) error {
		switch {
		case !d.Active:
			return nil
		case !d.fits(in.Slots):
			return taskrun.ErrFull
		case in.Lease == 0:
			d.addLoose(in.Slots, d.now)
			d.changed = true
			return nil
		}
		until := d.now.Add(in.Lease)
		h := Holding{ID: leaseID, Slots: in.Slots, Since: d.now, Until: &until}
		if in.Holder != nil {
			h.Kind, h.Holder = in.Holder.Kind, in.Holder.ID
		}
		if len(names) > 1 {
			h.Names = names
		}
		d.hold(h)
		return nil
	}
}

// undoTimeout bounds undoing, which goes on when the caller has gone.
const undoTimeout = 10 * time.Second

// undo gives back what was taken before one of the limits was full.
func (s *Service) undo(ctx context.Context, names []string, in Acquisition, leaseID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if in.Lease > 0 {
		_ = s.drop(ctx, names, leaseID)
		return
	}
	_, _ = s.Release(ctx, Returned{Names: names, Slots: in.Slots})
}

// named returns the limits of the names, in their order, and the names of the
// active ones in the order in which everybody takes them.
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

// Release gives slots back that were taken without a lease, of the active limits
// of the names. It returns all limits that have one of the names.
func (s *Service) Release(ctx context.Context, in Returned) ([]*View, error) {
	found, names, err := s.named(ctx, in.Names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		err := s.change(ctx, name, func(d *draft) error {
			d.addLoose(-in.Slots, d.now)
			if in.Occupancy != nil && in.Slots > 0 {
				d.observe(in.Occupancy.Seconds() / float64(in.Slots))
			}
			d.changed = true
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			return nil, err
		}
	}
	return s.views(found), nil
}

// Renew lets a lease live that long from now. ErrLeaseGone.
func (s *Service) Renew(ctx context.Context, leaseID string, life time.Duration) error {
	names, err := s.leased(ctx, leaseID)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return ErrLeaseGone
	}
	for _, name := range names {
		err := s.change(ctx, name, func(d *draft) error {
			i := d.find(leaseID)
			if i < 0 || d.stands(&d.Holdings[i]) == over {
				return ErrLeaseGone
			}
			until := d.now.Add(life)
			d.Holdings[i].Until, d.changed = &until, true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ReleaseLease gives the slots of a lease back; a lease that is gone has none.
func (s *Service) ReleaseLease(ctx context.Context, leaseID string) error {
	names, err := s.leased(ctx, leaseID)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := s.change(ctx, name, func(d *draft) error {
			if i := d.find(leaseID); i >= 0 {
				d.observe(d.now.Sub(d.Holdings[i].Since).Seconds())
			}
			d.release(leaseID)
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			return err
		}
	}
	return nil
}

// leased are the names of the limits that a lease is on. One that is not known
// here may have been taken elsewhere a moment ago.
func (s *Service) leased(ctx context.Context, leaseID string) ([]string, error) {
	for _, look := range []func(context.Context) error{func(context.Context) error { return nil }, s.Store.Refresh} {
		if err := look(ctx); err != nil {
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

// AcquireForRun takes a slot for the run of every active limit of the tags, or
// none, and returns these limits. *LockedError with its Tag.
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
		err := s.change(ctx, name, holdFor(runID))
		if errors.Is(err, taskrun.ErrFull) {
			s.deny(name, 1)
			err = &LockedError{Tag: name[len(TagPrefix):], RetryAfter: retryAfter()}
		}
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
			defer cancel()
			return nil, errors.Join(err, s.drop(ctx, names[:i], runID))
		}
	}
	active := slices.DeleteFunc(found, func(l *Limit) bool { return !l.Active })
	return s.views(active), nil
}

// holdFor is the edit that lets a run hold a slot until it gives it back.
func holdFor(runID string) edit {
	return func(d *draft) error {
		if !d.Active || d.find(runID) >= 0 {
			return nil
		}
		if !d.fits(1) {
			return taskrun.ErrFull
		}
		d.hold(Holding{ID: runID, Slots: 1, Kind: KindTaskRun, Holder: runID, Since: d.now})
		return nil
	}
}

// ReleaseForRun gives back what AcquireForRun took, and returns all limits of
// the tags.
func (s *Service) ReleaseForRun(ctx context.Context, tags []string, runID string) ([]*View, error) {
	found, _, err := s.named(ctx, tagNames(tags))
	if err != nil {
		return nil, err
	}
	for _, l := range found {
		err := s.change(ctx, l.Name, func(d *draft) error {
			if i := d.find(runID); i >= 0 {
				d.observe(d.now.Sub(d.Holdings[i].Since).Seconds())
			}
			d.release(runID)
			return nil
		})
		if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
			return nil, err
		}
	}
	return s.views(found), nil
}
