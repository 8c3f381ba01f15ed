package kube

import (
	"iter"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Follow tells of every change of the runs that this replica knows, from the
// moment on whose runs it returns.
func (s *Store) Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func()) {
	taken, stop := s.shelf.current().follow(change)
	return taken.all(), stop
}

// ChangedSince returns the runs that changed since a time. It compares a column,
// and fetches no other run.
func (s *Store) ChangedSince(since time.Time) []*taskrun.Run {
	return s.shelf.current().moment().changedSince(since)
}

// DeletedAt tells when this replica learned that a run of this id was deleted.
func (s *Store) DeletedAt(id string) (time.Time, bool) { return s.shelf.current().deletedAt(id) }

// follow adds a follower, and returns the moment from which on it is told.
func (s *shelf) follow(change func(before, after *taskrun.Run)) (from *moment, stop func()) {
	s = s.lockCurrent()
	defer s.mu.Unlock()
	f := &follower{change}
	s.rows.followers = append(s.rows.followers, f)
	return s.rows.moment(), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rows.followers = slices.DeleteFunc(s.rows.followers, func(other *follower) bool { return other == f })
	}
}

// follower is told what becomes visible, under the lock of the shelf.
type follower struct {
	change func(before, after *taskrun.Run)
}

func (r *rows) tell(before, after *taskrun.Run) {
	for _, f := range r.followers {
		f.change(before, after)
	}
}

func (s *shelf) deletedAt(id string) (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.deaths.at(id)
}

const (
	// deathsKept is how long deletions are remembered at least.
	deathsKept = time.Hour
	// deathsMost is how many of the latest are remembered if there were more.
	deathsMost = 1 << 15
)

// deaths are the times at which runs were deleted, by their ids. Two generations
// bound the memory.
type deaths struct {
	recent, earlier map[string]time.Time
	since           time.Time // when the recent ones began
}

func (d *deaths) add(id string, now time.Time) {
	if d.recent == nil || len(d.recent) >= deathsMost || now.Sub(d.since) > deathsKept {
		d.recent, d.earlier, d.since = map[string]time.Time{}, d.recent, now
	}
	d.recent[id] = now
}

func (d *deaths) at(id string) (time.Time, bool) {
	if at, ok := d.recent[id]; ok {
		return at, true
	}
	at, ok := d.earlier[id]
	return at, ok
}
