package concurrency

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Options say what a Service works with.
type Options struct {
	Namespace string // takes part in the ids of limits
	Store     Store
	Runs      Runs
	Clock     taskrun.Clock
	NewID     func() string // nil: UUIDs
	// OnStalled is called after the status of a limit was written that does not
	// apply; nil: nothing is called.
	OnStalled func(*Limit)
}

// Service holds the use cases about the limits of one namespace.
type Service struct {
	Options

	mu      sync.Mutex
	batches map[string]*batch
	denied  map[string]int // refusals that are not written down yet
}

// New returns the use cases over a store.
func New(o Options) *Service {
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return &Service{Options: o, batches: map[string]*batch{}, denied: map[string]int{}}
}

// nameSpace is the name space of ids made from names. It must never change.
var nameSpace = uuid.MustParse("c6a7a1a4-7c39-5c0e-8f0b-4d8c3f0f9b52")

// View is a limit as it stands.
type View struct {
	ID, Name         string
	Created, Updated time.Time
	Active           bool
	Limit            int // slots there are
	ActiveSlots      int // slots taken
	DeniedSlots      int // slots refused
	// SlotDecayPerSecond is how many slots become free by themselves.
	SlotDecayPerSecond float64
	// AvgSlotOccupancySeconds is the moving average of slot occupancy.
	AvgSlotOccupancySeconds float64
	// RunIDs are the task runs that hold slots.
	RunIDs []string
}

// Key names a limit: by its id, or else by its name.
type Key struct{ ID, Name string }

// NewLimit is a limit to be made.
type NewLimit struct {
	Name                            string
	Active                          bool
	Limit, ActiveSlots, DeniedSlots int
	SlotDecayPerSecond              float64
}

// Change is what is to be changed of a limit.
type Change struct {
	Name                            *string
	Active                          *bool
	Limit, ActiveSlots, DeniedSlots *int
	SlotDecayPerSecond              *float64
}

// Create makes a limit. taskrun.ErrExists when there is one of that name.
func (s *Service) Create(ctx context.Context, in NewLimit) (*View, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if _, err := s.locate(ctx, Key{Name: in.Name}); err == nil {
		return nil, taskrun.ErrExists
	} else if !errors.Is(err, taskrun.ErrNotFound) {
		return nil, err
	}
	now := s.now()
	l, err := s.Store.Create(ctx, &Limit{
		ID:   uuid.NewSHA1(nameSpace, []byte(s.Namespace+"/"+in.Name)).String(),
		Name: in.Name, Created: now, Updated: now, Active: in.Active, Slots: in.Limit, Decay: in.SlotDecayPerSecond, Occupancy: UsualOccupancy,
	})
	if err != nil {
		return nil, err
	}
	if in.ActiveSlots > 0 || in.DeniedSlots > 0 {
		err = s.setUse(ctx, in.Name, &in.ActiveSlots, &in.DeniedSlots)
		if l, err = s.orFind(ctx, err, in.Name); err != nil {
			return nil, err
		}
	}
	return s.view(l), nil
}

func (s *Service) orFind(ctx context.Context, err error, name string) (*Limit, error) {
	if err != nil {
		return nil, err
	}
	return s.find(ctx, name)
}

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n > MaxName {
		return &taskrun.InvalidError{Field: "name", Reason: fmt.Sprintf("at most %d characters are kept here, got %d", MaxName, n)}
	}
	return nil
}

// setUse sets the slots that are taken and were refused, where they are given.
func (s *Service) setUse(ctx context.Context, name string, taken, denied *int) error {
	return s.change(ctx, name, func(d *draft) error {
		if taken != nil {
			d.Holdings, d.Loose = nil, Loose{Slots: float64(*taken), At: d.now}
		}
		if denied != nil {
			d.Denied = *denied
		}
		d.changed = true
		return nil
	})
}

// Put makes the limit of the name, or sets how many slots it has; created tells which.
// taskrun.ErrForbidden if the context's caller may not create the limit.
func (s *Service) Put(ctx context.Context, name string, slots int) (view *View, created bool, err error) {
	l, err := s.locate(ctx, Key{Name: name})
	if errors.Is(err, taskrun.ErrNotFound) {
		if err := usecase.CheckCreate(ctx); err != nil {
			return nil, false, err
		}
		view, err = s.Create(ctx, NewLimit{Name: name, Active: true, Limit: slots})
		if !errors.Is(err, taskrun.ErrExists) {
			return view, err == nil, err
		}
		l, err = s.find(ctx, name) // another caller was faster
	}
	if err != nil {
		return nil, false, err
	}
	if err := s.Update(ctx, Key{ID: l.ID}, Change{Limit: &slots}); err != nil {
		return nil, false, err
	}
	view, err = s.Get(ctx, Key{ID: l.ID})
	return view, false, err
}

// Get returns a limit. taskrun.ErrNotFound.
func (s *Service) Get(ctx context.Context, key Key) (*View, error) {
	l, err := s.locate(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.view(l), nil
}

// List returns the limits whose names begin with the prefix, sorted by name,
// without the first offset, at most most.
func (s *Service) List(ctx context.Context, prefix string, offset, most int) ([]*View, error) {
	if err := ctx.Err(); err != nil { // a long list of names ends with its request
		return nil, err
	}
	all, err := s.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	limits := slices.DeleteFunc(slices.Clone(all), func(l *Limit) bool { return !strings.HasPrefix(l.Name, prefix) })
	slices.SortFunc(limits, byName)
	limits = limits[min(max(offset, 0), len(limits)):]
	limits = limits[:min(max(most, 0), len(limits))]
	views := make([]*View, 0, len(limits))
	for _, l := range limits {
		views = append(views, s.view(l))
	}
	return views, nil
}

// Update changes what is not nil. taskrun.ErrNotFound, and ErrExists when
// another limit has the name.
func (s *Service) Update(ctx context.Context, key Key, change Change) error {
	l, err := s.locate(ctx, key)
	if err != nil {
		return err
	}
	if err := s.checkRename(ctx, l, change.Name); err != nil {
		return err
	}
	if l, err = s.writeTerms(ctx, l, change); err != nil {
		return err
	}
	if change.ActiveSlots == nil && change.DeniedSlots == nil {
		return nil
	}
	return s.setUse(ctx, l.Name, change.ActiveSlots, change.DeniedSlots)
}

// checkRename tells whether a limit can have the name, if another one is asked for.
func (s *Service) checkRename(ctx context.Context, l *Limit, name *string) error {
	if name == nil || *name == l.Name {
		return nil
	}
	if err := checkName(*name); err != nil {
		return err
	}
	_, err := s.find(ctx, *name)
	switch {
	case err == nil:
		return taskrun.ErrExists
	case errors.Is(err, taskrun.ErrNotFound):
		return nil
	default:
		return err
	}
}

// writeTerms stores what is asked of a limit; after a conflict, on what is there then.
func (s *Service) writeTerms(ctx context.Context, l *Limit, change Change) (*Limit, error) {
	for attempt := 1; ; attempt++ {
		next := l.clone()
		change.apply(next)
		stored, err := s.Store.UpdateTerms(ctx, next)
		if err == nil || !errors.Is(err, taskrun.ErrConflict) || attempt == maxAttempts {
			return stored, err
		}
		if l, err = s.Store.Reload(ctx, l); err != nil {
			return nil, err
		}
	}
}

func (c Change) apply(l *Limit) {
	set(&l.Name, c.Name)
	set(&l.Active, c.Active)
	set(&l.Slots, c.Limit)
	set(&l.Decay, c.SlotDecayPerSecond)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Delete removes a limit with all that is held of it. taskrun.ErrNotFound.
func (s *Service) Delete(ctx context.Context, key Key) error {
	l, err := s.locate(ctx, key)
	if err != nil {
		return err
	}
	if err := s.Store.Delete(ctx, l); err != nil {
		return err
	}
	s.deniedOf(l.Name) // names come and go without end
	return nil
}

// Reset ends all that is held of a limit; then each of the runs holds a slot.
func (s *Service) Reset(ctx context.Context, name string, runIDs []string) error {
	return s.change(ctx, name, func(d *draft) error {
		d.Holdings, d.Loose, d.changed = nil, Loose{At: d.now}, true
		for _, id := range distinct(runIDs) {
			d.hold(Holding{ID: id, Slots: 1, Kind: KindTaskRun, Holder: id, Since: d.now})
		}
		return nil
	})
}

// view tells how a limit stands.
func (s *Service) view(l *Limit) *View {
	d := s.glance(l)
	d.prune()
	runs, listed := []string{}, map[string]bool{}
	for _, h := range d.Holdings {
		if h.Kind == KindTaskRun && !listed[h.Holder] {
			listed[h.Holder] = true
			runs = append(runs, h.Holder)
		}
	}
	return &View{
		ID: l.ID, Name: l.Name, Created: l.Created, Updated: l.Updated, Active: l.Active, Limit: l.Slots,
		ActiveSlots: d.shown(), DeniedSlots: l.Denied + s.peekDenied(l.Name),
		SlotDecayPerSecond: l.Decay, AvgSlotOccupancySeconds: l.Occupancy, RunIDs: runs,
	}
}

// find returns the limit of a name. taskrun.ErrNotFound. Nothing keeps people
// from giving one name to two objects: the older one counts.
func (s *Service) find(ctx context.Context, name string) (*Limit, error) {
	return s.first(ctx, func(l *Limit) bool { return l.Name == name }, byName)
}

// locate returns the limit that a caller names. A limit that cannot be decoded is
// an error here, and is passed over where slots are taken.
func (s *Service) locate(ctx context.Context, key Key) (*Limit, error) {
	l, err := s.find(ctx, key.Name)
	if key.ID != "" {
		l, err = s.first(ctx, func(l *Limit) bool { return l.ID == key.ID }, byClaim)
	}
	if errors.Is(err, taskrun.ErrNotFound) {
		if undecodable := s.Store.Undecodable(key); undecodable != nil {
			return nil, undecodable
		}
	}
	return l, err
}

// first returns the first of the limits that match. taskrun.ErrNotFound.
func (s *Service) first(ctx context.Context, match func(*Limit) bool, compare func(a, b *Limit) int) (*Limit, error) {
	all, err := s.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	var first *Limit
	for _, l := range all {
		if match(l) && (first == nil || compare(l, first) < 0) {
			first = l
		}
	}
	if first == nil {
		return nil, taskrun.ErrNotFound
	}
	return first, nil
}

// deny counts refusals; they are written down with the next write of the limit.
func (s *Service) deny(name string, slots int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slots > 0 {
		s.denied[name] += slots
	}
}

func (s *Service) peekDenied(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.denied[name]
}

func (s *Service) deniedOf(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.denied[name]
	delete(s.denied, name)
	return n
}

func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Microsecond) }

// Those who are refused come again after half a second to a second: so no slot
// stays free for longer while somebody waits, and they do not all come at once.
const (
	shortestRetry = 500 * time.Millisecond
	retrySpread   = 500 * time.Millisecond
)

func retryAfter() time.Duration {
	return shortestRetry + rand.N(retrySpread) //nolint:gosec // spreads retries, keeps no secret
}
