package kube

import (
	"cmp"
	"iter"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// byID returns the run with this id, nil when there is none.
func (s *shelf) byID(id string) *taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ids.first(id).known()
}

// byKey returns the run with this natural key, nil when there is none.
func (s *shelf) byKey(key taskrun.NaturalKey) *taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return firstVisible(s.keys.all(key)).known()
}

// byState returns the state with this id and its run, nil when there is none.
func (s *shelf) byState(id string) (*orchestration.State, *taskrun.Run) {
	s.mu.RLock()
	run := firstVisible(s.states.all(id)).known()
	s.mu.RUnlock()
	if run == nil {
		return nil, nil
	}
	if run.State != nil && run.State.ID == id {
		return run.State, run
	}
	for i := range run.History {
		if run.History[i].ID == id {
			return &run.History[i], run
		}
	}
	return nil, nil
}

// cacheEntry returns the newest entry of the cache under the key that has not
// expired, nil when there is none.
func (s *shelf) cacheEntry(key string, now time.Time) *orchestration.State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var newest *orchestration.State
	for e := range s.cached.all(key) {
		if e.place != nowhere {
			newest = e.run.NewestCacheEntry(key, now, newest)
		}
	}
	return newest
}

// firstVisible returns the oldest of those entries that stand for the run of
// their id.
func firstVisible(entries iter.Seq[*entry]) *entry {
	var oldest *entry
	for e := range entries {
		if e.place != nowhere && (oldest == nil || e.before(oldest)) {
			oldest = e
		}
	}
	return oldest
}

// moment returns what all runs are now. Writers wait at most while the list of
// blocks is copied, a few microseconds, and only if there was a write since the
// last moment.
func (s *shelf) moment() *moment {
	s.mu.RLock()
	latest := s.rows.latest
	s.mu.RUnlock()
	if latest != nil {
		return latest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows.moment()
}

// some returns those runs that have one of the ids, each once.
func (s *shelf) some(ids []string) []*taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	runs := make([]*taskrun.Run, 0, min(len(ids), s.ids.size()))
	met := make(map[*entry]bool, cap(runs))
	for _, id := range ids {
		if e := s.ids.first(id); e != nil && !met[e] {
			met[e] = true
			runs = append(runs, e.run)
		}
	}
	return runs
}

// unconfirmed returns the objects, by uid, that the watch has not shown, with
// their names.
func (s *shelf) unconfirmed() map[types.UID]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make(map[types.UID]string, len(s.unseen))
	for uid, e := range s.unseen {
		names[uid] = e.run.Ref.Name
	}
	return names
}

// known is the entry's run, nil for no entry.
func (e *entry) known() *taskrun.Run {
	if e == nil {
		return nil
	}
	return e.run
}

// precedes reports whether the entry's object, and not the other one with its id, is
// the run of the id. The result is the same on every replica.
func (e *entry) precedes(other *entry) bool {
	if a, b := e.run.IDClaim(), other.run.IDClaim(); a != b {
		return a < b
	}
	return e.before(other)
}

// before reports whether the entry's object is the older one, the same on every
// replica.
func (e *entry) before(other *entry) bool {
	return cmp.Or(cmp.Compare(e.born, other.born), cmp.Compare(e.uid, other.uid)) < 0
}

// states is how many states the run has, past ones and the current one.
func states(run *taskrun.Run) int {
	if run.State == nil {
		return len(run.History)
	}
	return len(run.History) + 1
}

// stateID returns the id of the i-th state, oldest first.
func stateID(run *taskrun.Run, i int) string {
	if i < len(run.History) {
		return run.History[i].ID
	}
	return run.State.ID
}
