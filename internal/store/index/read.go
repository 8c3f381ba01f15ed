package index

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ByUID returns the run of an object, nil if there is none. Like Named, it also returns
// runs whose id belongs to another object.
func (n *NamespaceIndex) ByUID(uid types.UID) *taskrun.Run {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.entries[uid].runOrNil()
}

// ByID returns the run with this id, nil if there is none.
func (n *NamespaceIndex) ByID(id string) *taskrun.Run {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.ids.first(id).runOrNil()
}

// ByKey returns the run with this natural key, nil if there is none. Of several, it is
// the oldest.
func (n *NamespaceIndex) ByKey(key taskrun.NaturalKey) *taskrun.Run {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return oldestVisible(n.keys.all(key)).runOrNil()
}

// State returns the state with this id and its run, nil if there is none.
func (n *NamespaceIndex) State(id string) (*orchestration.State, *taskrun.Run) {
	n = n.current()
	n.mu.RLock()
	run := oldestVisible(n.states.all(id)).runOrNil()
	n.mu.RUnlock()
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

// CacheEntry returns the newest unexpired cache entry of the key, nil if there is
// none.
func (n *NamespaceIndex) CacheEntry(key string, now time.Time) *orchestration.State {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	var newest *orchestration.State
	for e := range n.cached.all(key) {
		if e.row != noRow {
			newest = e.run.NewestCacheEntry(key, now, newest)
		}
	}
	return newest
}

// named returns the run of the object with this name, nil if there is none.
func (n *NamespaceIndex) named(name string) *taskrun.Run {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.names[name].runOrNil()
}

// allNames returns the names of all objects.
func (n *NamespaceIndex) allNames() []string {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Collect(maps.Keys(n.names))
}

// oldestVisible returns the oldest of those entries that are the run of their id.
func oldestVisible(entries iter.Seq[*entry]) *entry {
	var oldest *entry
	for e := range entries {
		if e.row != noRow && (oldest == nil || e.before(oldest)) {
			oldest = e
		}
	}
	return oldest
}

// snapshot returns the runs as they are now. After a write, the first caller copies
// the list of blocks, which takes a few microseconds under the lock.
func (n *NamespaceIndex) snapshot() *snapshot {
	n = n.current()
	n.mu.RLock()
	latest := n.rows.latest
	n.mu.RUnlock()
	if latest != nil {
		return latest
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rows.snapshot()
}

// withIDs returns the runs that have one of the ids, each once.
func (n *NamespaceIndex) withIDs(ids []string) []*taskrun.Run {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	runs := make([]*taskrun.Run, 0, min(len(ids), n.ids.size()))
	met := make(map[*entry]bool, cap(runs))
	for _, id := range ids {
		if e := n.ids.first(id); e != nil && !met[e] {
			met[e] = true
			runs = append(runs, e.run)
		}
	}
	return runs
}

func (e *entry) runOrNil() *taskrun.Run {
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
	return cmp.Or(cmp.Compare(e.created, other.created), cmp.Compare(e.uid, other.uid)) < 0
}

// stateCount is the number of states of a run, past ones and the current one.
func stateCount(run *taskrun.Run) int {
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
