package index

import (
	"iter"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Follow calls change for each change of the runs, in order and under the lock of the
// index, until stop is called. It returns the runs before the first of these changes.
func (n *NamespaceIndex) Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func()) {
	n = n.lockCurrent()
	defer n.mu.Unlock()
	s := &subscriber{change}
	n.rows.subscribers = append(n.rows.subscribers, s)
	return n.rows.snapshot().all(), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.rows.subscribers = slices.DeleteFunc(n.rows.subscribers, func(other *subscriber) bool { return other == s })
	}
}

// subscriber receives the changes of the visible runs, under the lock of the
// NamespaceIndex. before is nil for a new run, after is nil for a deleted one.
type subscriber struct {
	change func(before, after *taskrun.Run)
}

func (r *rows) notify(before, after *taskrun.Run) {
	for _, s := range r.subscribers {
		s.change(before, after)
	}
}

// DeletedAt returns the time at which this replica received the deletion of the run
// with this id. ok is false if that is unknown.
func (n *NamespaceIndex) DeletedAt(id string) (time.Time, bool) {
	n = n.current()
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.deletions.at(id)
}
