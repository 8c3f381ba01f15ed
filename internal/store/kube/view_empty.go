package kube

import "time"

// A shelf is made for each namespace that is asked for, which need not exist. One
// that has nothing and no followers can be closed: it is taken out of the
// view. Who has it still, gets the one that is there by now, see current.

// hasRuns reports whether there are runs.
func (s *shelf) hasRuns() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries) > 0
}

// current returns the shelf, or the one in its place if it was closed.
func (s *shelf) current() *shelf {
	if s.closed.Load() {
		return s.view.shelf(s.namespace)
	}
	return s
}

// lockCurrent returns the shelf that current returns, locked.
func (s *shelf) lockCurrent() *shelf {
	for {
		s = s.current()
		s.mu.Lock()
		if !s.closed.Load() {
			return s
		}
		s.mu.Unlock()
	}
}

// close takes the shelf out of use if it is empty, and reports whether it did. What
// it remembers of objects that are gone is good for an hour.
func (s *shelf) close(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.entries) > 0 || len(s.unseen) > 0 || len(s.rows.followers) > 0 || now.Sub(s.lastBuried) < deathsKept {
		return false
	}
	s.closed.Store(true)
	return true
}

// closeEmpty closes the shelves that are empty but for those of some namespaces.
func (v *view) closeEmpty(but func(namespace string) bool, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for namespace, s := range v.shelves {
		if !but(namespace) && s.close(now) {
			delete(v.shelves, namespace)
		}
	}
}

// CloseEmpty lets go of what is kept for namespaces without runs and followers,
// but for some namespaces. Stores of them can still be used.
func (c *Cluster) CloseEmpty(but func(namespace string) bool) {
	c.view.closeEmpty(but, c.Clock.Now())
}

// HasRuns reports whether this replica knows runs of a namespace.
func (c *Cluster) HasRuns(namespace string) bool {
	c.view.mu.RLock()
	s := c.view.shelves[namespace]
	c.view.mu.RUnlock()
	return s != nil && s.hasRuns()
}
