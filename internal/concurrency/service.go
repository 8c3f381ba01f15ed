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
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Options configure a Service.
type Options struct {
	Namespace string // part of the ids of limits
	Store     Store
	Runs      Runs
	Clock     clock.PassiveClock
	NewID     func() string // nil: UUIDs
	Writers   *Writers      // nil: those of this Service alone
	// OnStalled is called after the write that records that a limit does not apply.
	// Optional.
	OnStalled func(*Limit)
}

// Service holds the use cases about the limits of one namespace.
type Service struct {
	Options

	mu      sync.Mutex
	batches map[string]*batch
	denied  map[string]int // denied slots that are not written yet
}

// New returns a Service.
func New(o Options) *Service {
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Writers == nil {
		o.Writers = &Writers{}
	}
	return &Service{Options: o, batches: map[string]*batch{}, denied: map[string]int{}}
}

// nameSpace is the UUID namespace of the ids of limits. It must never change.
var nameSpace = uuid.MustParse("c6a7a1a4-7c39-5c0e-8f0b-4d8c3f0f9b52")

// View is the present state of a limit.
type View struct {
	ID, Name         string
	Created, Updated time.Time
	Active           bool
	Limit            int // total slots
	ActiveSlots      int // used slots
	DeniedSlots      int // denied slots
	// SlotDecayPerSecond is the number of slots that become free per second.
	SlotDecayPerSecond float64
	// AvgSlotOccupancySeconds is the moving average of slot occupancy.
	AvgSlotOccupancySeconds float64
	// RunIDs are the task runs that hold slots.
	RunIDs []string
}

// Key identifies a limit by id, or by name if ID is empty.
type Key struct{ ID, Name string }

// NewLimit is a limit to create.
type NewLimit struct {
	Name                            string
	Active                          bool
	Limit, ActiveSlots, DeniedSlots int
	SlotDecayPerSecond              float64
}

// Change is a partial update of a limit. Nil fields do not change.
type Change struct {
	Name                            *string
	Active                          *bool
	Limit, ActiveSlots, DeniedSlots *int
	SlotDecayPerSecond              *float64
}

// Create creates a limit. taskrun.ErrExists if a limit has the name.
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

// setUse sets the used and the denied slots. Nil values do not change.
func (s *Service) setUse(ctx context.Context, name string, used, denied *int) error {
	return s.change(ctx, name, func(t *tx) error {
		if used != nil {
			t.Leases, t.Anonymous = nil, AnonymousSlots{Slots: float64(*used), UpdatedAt: t.now}
		}
		if denied != nil {
			t.Denied = *denied
		}
		t.useChanged = true
		return nil
	})
}

// Put creates the limit with the name, or sets its total slots. taskrun.ErrForbidden if
// the caller of the context may not create the limit.
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
		l, err = s.find(ctx, name) // another caller created it
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

// List returns the limits whose names have the prefix, sorted by name. It skips the
// first offset limits and returns at most most.
func (s *Service) List(ctx context.Context, prefix string, offset, most int) ([]*View, error) {
	if err := ctx.Err(); err != nil { // a caller with many names stops with its request
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

// Update applies a change. taskrun.ErrNotFound, and ErrExists if another limit has the
// name.
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

// checkRename checks the new name of a limit. A nil name is no change.
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

// writeTerms stores a change of the requested fields. After a conflict it applies the
// change to the newer version.
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

// Delete removes a limit and its slot leases. taskrun.ErrNotFound.
func (s *Service) Delete(ctx context.Context, key Key) error {
	l, err := s.locate(ctx, key)
	if err != nil {
		return err
	}
	if err := s.Store.Delete(ctx, l); err != nil {
		return err
	}
	s.deniedOf(l.Name) // the number of names is unlimited
	return nil
}

// Reset removes all slot leases of a limit, and leases a slot to each of the runs.
func (s *Service) Reset(ctx context.Context, name string, runIDs []string) error {
	return s.change(ctx, name, func(t *tx) error {
		t.Leases, t.Anonymous, t.useChanged = nil, AnonymousSlots{UpdatedAt: t.now}, true
		for _, id := range distinct(runIDs) {
			t.add(SlotLease{ID: id, Slots: 1, Kind: KindTaskRun, Holder: id, Since: t.now})
		}
		return nil
	})
}

// view returns the present state of a limit.
func (s *Service) view(l *Limit) *View {
	t := s.preview(l)
	t.prune()
	runs, listed := []string{}, map[string]bool{}
	for _, h := range t.Leases {
		if h.Kind == KindTaskRun && !listed[h.Holder] {
			listed[h.Holder] = true
			runs = append(runs, h.Holder)
		}
	}
	return &View{
		ID: l.ID, Name: l.Name, Created: l.Created, Updated: l.Updated, Active: l.Active, Limit: l.Slots,
		ActiveSlots: t.shown(), DeniedSlots: l.Denied + s.peekDenied(l.Name),
		SlotDecayPerSecond: l.Decay, AvgSlotOccupancySeconds: l.Occupancy, RunIDs: runs,
	}
}

// find returns the limit with a name. taskrun.ErrNotFound. If two objects have the
// name, the older one applies.
func (s *Service) find(ctx context.Context, name string) (*Limit, error) {
	return s.first(ctx, func(l *Limit) bool { return l.Name == name }, byName)
}

// locate returns the limit with a key. A limit that cannot be decoded is an error here,
// and is ignored when slots are acquired.
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

// deny counts denied slots. The next write of the limit records them.
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

// Denied callers retry after half a second to a second. So a free slot is used within
// a second, and the retries are spread.
const (
	shortestRetry = 500 * time.Millisecond
	retrySpread   = 500 * time.Millisecond
)

func retryAfter() time.Duration {
	return shortestRetry + rand.N(retrySpread) //nolint:gosec // spreads retries, keeps no secret
}
