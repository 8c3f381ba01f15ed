package memory

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Limits is an in-memory concurrency.Store.
type Limits struct {
	mu      sync.Mutex
	limits  map[string]*concurrency.Limit // by id; stored limits are never changed
	version int64
}

var _ concurrency.Store = (*Limits)(nil)

// NewLimits returns a store without limits.
func NewLimits() *Limits { return &Limits{limits: map[string]*concurrency.Limit{}} }

// List returns all limits.
func (s *Limits) List(context.Context) ([]*concurrency.Limit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.limits)), nil
}

// Undecodable returns nil, because nothing is encoded.
func (s *Limits) Undecodable(concurrency.Key) error { return nil }

// Refresh does nothing, because there is no cache.
func (s *Limits) Refresh(context.Context) error { return nil }

// Create stores a new limit.
func (s *Limits) Create(_ context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.limits[l.ID]; taken {
		return nil, taskrun.ErrExists
	}
	created := *l
	created.Revision = taskrun.ObjectRef{UID: l.ID + "-" + s.next(), Name: l.ID}
	return s.keep(&created), nil
}

func (s *Limits) next() string {
	s.version++
	return strconv.FormatInt(s.version, 10)
}

func (s *Limits) keep(l *concurrency.Limit) *concurrency.Limit {
	l.Revision.ResourceVersion = s.next()
	l.Leases = slices.Clone(l.Leases)
	s.limits[l.ID] = l
	return l
}

// UpdateTerms replaces the requested fields.
func (s *Limits) UpdateTerms(_ context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	return s.update(l, func(next *concurrency.Limit) {
		next.Name, next.Active, next.Slots, next.Decay = l.Name, l.Active, l.Slots, l.Decay
	})
}

// UpdateUse replaces the other fields.
func (s *Limits) UpdateUse(_ context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	return s.update(l, func(next *concurrency.Limit) {
		next.Leases, next.Anonymous, next.Denied, next.ReportedActive = l.Leases, l.Anonymous, l.Denied, l.ReportedActive
		next.Occupancy, next.Updated, next.Recorded = l.Occupancy, l.Updated, l.Recorded
	})
}

func (s *Limits) update(l *concurrency.Limit, change func(*concurrency.Limit)) (*concurrency.Limit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.limits[l.ID]
	switch {
	case current == nil || current.Revision.UID != l.Revision.UID:
		return nil, taskrun.ErrNotFound
	case current.Revision != l.Revision:
		return nil, taskrun.ErrConflict
	}
	next := *current
	change(&next)
	return s.keep(&next), nil
}

// Reload reads a limit again.
func (s *Limits) Reload(_ context.Context, stale *concurrency.Limit) (*concurrency.Limit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.limits[stale.ID]; l != nil {
		return l, nil
	}
	return nil, taskrun.ErrNotFound
}

// Delete removes a limit.
func (s *Limits) Delete(_ context.Context, l *concurrency.Limit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits[l.ID] == nil {
		return taskrun.ErrNotFound
	}
	delete(s.limits, l.ID)
	return nil
}
