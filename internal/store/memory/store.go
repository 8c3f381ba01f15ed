// Package memory stores runs in memory: a Store for tests without an API server.
package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Store is a taskrun.Store. Create it with New.
type Store struct {
	mu      sync.RWMutex
	runs    map[string]*taskrun.Run         // by id; stored runs are never changed
	keys    map[taskrun.NaturalKey][]string // ids in order of creation
	deleted map[string]time.Time            // by id; only with a clock
	clock   clock.PassiveClock
	follow  map[int]func(before, after *taskrun.Run)
	follows int
	version int64 // counts writes
	broken  error // returned by every call, see Break
}

var _ taskrun.Store = (*Store)(nil)

// New returns an empty Store that does not record deletions.
func New() *Store { return NewWithClock(nil) }

// NewWithClock returns an empty Store that records the times of deletions.
func NewWithClock(clock clock.PassiveClock) *Store {
	return &Store{
		runs: map[string]*taskrun.Run{}, keys: map[taskrun.NaturalKey][]string{},
		deleted: map[string]time.Time{}, clock: clock, follow: map[int]func(before, after *taskrun.Run){},
	}
}

// Break makes every call return the error until Break(nil), like a store that is
// unreachable.
func (s *Store) Break(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// Get returns the run with this id.
func (s *Store) Get(_ context.Context, id string) (*taskrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.get(id)
}

func (s *Store) get(id string) (*taskrun.Run, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	if run, ok := s.runs[id]; ok {
		return run, nil
	}
	return nil, taskrun.ErrNotFound
}

// Known is Get.
func (s *Store) Known(id string) *taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.runs[id]
}

// DeletedAt returns the time of the last deletion of a run with this id.
func (s *Store) DeletedAt(id string) (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.deleted[id]
	return at, ok
}

// Fence creates a new version of the run, so that writes based on older versions
// fail.
func (s *Store) Fence(_ context.Context, id string) (*taskrun.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(id)
	if err != nil {
		return nil, err
	}
	next := *current
	return s.replace(&next), nil
}

// Find returns the run with this natural key.
func (s *Store) Find(_ context.Context, key taskrun.NaturalKey) (*taskrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := s.keys[key]
	switch {
	case s.broken != nil:
		return nil, s.broken
	case len(ids) == 0:
		return nil, taskrun.ErrNotFound
	default:
		return s.get(ids[0])
	}
}

// Reload is Get, because there is no cache, unless the run was created again.
func (s *Store) Reload(ctx context.Context, stale *taskrun.Run) (*taskrun.Run, error) {
	run, err := s.Get(ctx, stale.ID)
	if err == nil && run.Ref.UID != stale.Ref.UID {
		return nil, taskrun.ErrNotFound
	}
	return run, err
}

// Create stores a new run.
func (s *Store) Create(_ context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if existing, ok := s.runs[run.ID]; ok {
		return existing, taskrun.ErrExists
	}
	s.version++
	created := inUTC(run)
	created.StatusStale, created.CreatedViaREST = true, true
	created.DeliverFirst(run.Hold())
	created.Ref = taskrun.ObjectRef{
		UID: "object-" + strconv.FormatInt(s.version, 10), ResourceVersion: strconv.FormatInt(s.version, 10), Name: run.ID,
		Generation: 1,
	}
	s.runs[run.ID] = created
	s.tell(nil, created)
	key := run.NaturalKey()
	s.keys[key] = append(s.keys[key], run.ID)
	return created, nil
}

// UpdateProgress stores the fields that transitions change.
func (s *Store) UpdateProgress(_ context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(run.ID)
	switch {
	case err != nil:
		return nil, err
	case current.Ref != run.Ref:
		return nil, taskrun.ErrConflict
	}
	next := *current
	next.Progress = run.Progress
	next.History, next.HistoryDropped = run.History, run.HistoryDropped
	next.SetNamed(run.Named)
	next.Reported = run.Reported
	next.Reported.ApplySpec(&next)
	next.Decisions = run.Decisions
	next.Delivery = run.Delivery
	next.EndRecorded, next.ExpirationTime = run.EndRecorded, run.ExpirationTime
	next.Updated = run.Updated
	next.StatusStale = false
	return s.replace(&next), nil
}

// replace stores the next version of a run.
func (s *Store) replace(next *taskrun.Run) *taskrun.Run {
	s.version++
	next = inUTC(next)
	next.Ref.ResourceVersion = strconv.FormatInt(s.version, 10)
	before := s.runs[next.ID]
	s.runs[next.ID] = next
	if was, is := before.NaturalKey(), next.NaturalKey(); was != is {
		s.dropKey(was, next.ID)
		s.keys[is] = append(s.keys[is], next.ID)
	}
	s.tell(before, next)
	return next
}

func (s *Store) dropKey(key taskrun.NaturalKey, id string) {
	s.keys[key] = slices.DeleteFunc(s.keys[key], func(other string) bool { return other == id })
	if len(s.keys[key]) == 0 {
		delete(s.keys, key)
	}
}

// Follow calls change for every change.
func (s *Store) Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.follows
	s.follows++
	s.follow[n] = change
	return maps.Values(maps.Clone(s.runs)), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.follow, n)
	}
}

// ChangedSince returns the runs that have changed since a time.
func (s *Store) ChangedSince(since time.Time) (changed []*taskrun.Run) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, run := range s.runs {
		if !run.LastRecorded().Before(since) {
			changed = append(changed, run)
		}
	}
	return changed
}

func (s *Store) tell(before, after *taskrun.Run) {
	for _, change := range s.follow {
		change(before, after)
	}
}

// Rename sets the run's name.
func (s *Store) Rename(_ context.Context, id, name string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(id)
	if err != nil {
		return err
	}
	next := current.Renamed(name, at)
	next.StatusStale = false
	s.replace(next)
	return nil
}

// Delete removes the run.
func (s *Store) Delete(_ context.Context, id string, ifUnchanged *taskrun.ObjectRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(id)
	switch {
	case err != nil:
		return err
	case ifUnchanged != nil && *ifUnchanged != current.Ref:
		return taskrun.ErrConflict
	}
	delete(s.runs, id)
	s.tell(current, nil)
	if s.clock != nil {
		s.deleted[id] = s.clock.Now()
	}
	s.dropKey(current.NaturalKey(), id)
	return nil
}

// Query returns the matching runs.
func (s *Store) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	runs, err := s.matching(ctx, q.Filter)
	if err != nil {
		return taskrun.Page{}, err
	}
	return q.Page(runs), nil
}

// Each visits the matching runs.
func (s *Store) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	runs, err := s.matching(ctx, f)
	for _, run := range runs {
		visit(run)
	}
	return err
}

// Count returns the number of matching runs.
func (s *Store) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	runs, err := s.matching(ctx, f)
	return len(runs), err
}

func (s *Store) matching(ctx context.Context, f taskrun.Filter) ([]*taskrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, s.broken
	}
	var runs []*taskrun.Run
	match := f.Matcher()
	for _, run := range s.runs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if match(run) {
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// State returns the state with this id and its run.
func (s *Store) State(_ context.Context, stateID string) (*orchestration.State, *taskrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, nil, s.broken
	}
	for _, run := range s.runs {
		for _, state := range run.States() {
			if state.ID == stateID {
				return &state, run, nil
			}
		}
	}
	return nil, nil, taskrun.ErrNotFound
}

// CacheEntry returns the newest cache entry under this key.
func (s *Store) CacheEntry(_ context.Context, key string, now time.Time) (*orchestration.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, s.broken
	}
	var newest *orchestration.State
	for _, run := range s.runs {
		newest = run.NewestCacheEntry(key, now, newest)
	}
	if newest == nil {
		return nil, taskrun.ErrNotFound
	}
	return newest, nil
}

// Ready returns the error set by Break.
func (s *Store) Ready(context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.broken
}
