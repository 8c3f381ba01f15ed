package index

import "time"

// A NamespaceIndex is created for each namespace that a caller names, even if it does
// not exist. CloseEmpty removes an empty one from the Index. Methods of a closed one
// use its successor, see current.

func (n *NamespaceIndex) hasRuns() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.entries) > 0
}

// current returns the NamespaceIndex, or its successor if it was closed.
func (n *NamespaceIndex) current() *NamespaceIndex {
	if n.closed.Load() {
		return n.index.Namespace(n.namespace)
	}
	return n
}

// lockCurrent returns the NamespaceIndex that current returns, locked.
func (n *NamespaceIndex) lockCurrent() *NamespaceIndex {
	for {
		n = n.current()
		n.mu.Lock()
		if !n.closed.Load() {
			return n
		}
		n.mu.Unlock()
	}
}

// close closes the NamespaceIndex if it is empty, and reports whether it did. Records
// of deletions are kept for deletionRetention, so an index with such records is not
// empty.
func (n *NamespaceIndex) close(now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.entries) > 0 || len(n.rows.subscribers) > 0 || now.Sub(n.lastRemoval) < deletionRetention {
		return false
	}
	n.closed.Store(true)
	return true
}
