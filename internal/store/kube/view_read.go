package kube

import (
	"cmp"
	"iter"
	"slices"
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
	return firstVisible(s.keys[key]).known()
}

// byState returns the state with this id and its run, nil when there is none.
func (s *shelf) byState(id string) (*orchestration.State, *taskrun.Run) {
	s.mu.RLock()
	run := firstVisible(s.states[id]).known()
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
	for _, e := range s.cached[key] {
		if e.place != nowhere {
			newest = e.run.NewestCacheEntry(key, now, newest)
		}
	}
	return newest
}

// firstVisible returns the oldest of those entries that stand for the run of
// their id.
func firstVisible(entries []*entry) *entry {
	var oldest *entry
	for _, e := range entries {
		if e.place != nowhere && (oldest == nil || e.before(oldest)) {
			oldest = e
		}
	}
	return oldest
}

// all returns the runs of one moment. The lock is held only while their
// pointers are copied.
func (s *shelf) all() []*taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.visible.runs)
}

// some returns those runs that have one of the ids, each once.
func (s *shelf) some(ids []string) []*taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	runs := make([]*taskrun.Run, 0, min(len(ids), len(s.ids)))
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
		names[uid] = e.run.Revision.Key
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

// before decides which of two objects counts, the same on every replica: the
// one that was there first.
func (e *entry) before(other *entry) bool {
	return cmp.Or(cmp.Compare(e.born, other.born), cmp.Compare(e.uid, other.uid)) < 0
}

// stateIDs are the ids of the current and the past states.
func stateIDs(run *taskrun.Run) iter.Seq[string] {
	return func(yield func(string) bool) {
		if run.State != nil && !yield(run.State.ID) {
			return
		}
		for i := range run.History {
			if !yield(run.History[i].ID) {
				return
			}
		}
	}
}
