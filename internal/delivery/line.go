package delivery

import (
	"cmp"
	"container/heap"
	"time"
)

// place is that of one run in its line.
type place struct {
	id, key      string
	retry        bool
	due, created time.Time
	index        int // in the heap
}

// line holds the runs of one task key that wait. Of the runs that are due,
// retries go first, as in Prefect's two queues of a task key (contract §1.6).
type line struct{ retries, submitted dueHeap }

func (l *line) heapOf(p *place) *dueHeap {
	if p.retry {
		return &l.retries
	}
	return &l.submitted
}

func (l *line) heaps() []*dueHeap { return []*dueHeap{&l.retries, &l.submitted} }

func (l *line) add(p *place)    { heap.Push(l.heapOf(p), p) }
func (l *line) remove(p *place) { heap.Remove(l.heapOf(p), p.index) }

// first is the run to deliver first of those that are due, nil if none is.
func (l *line) first(now time.Time) *place {
	for _, h := range l.heaps() {
		if h.Len() > 0 && !(*h)[0].due.After(now) {
			return (*h)[0]
		}
	}
	return nil
}

// earliest is the earliest time that a run is due at. The line must not be empty.
func (l *line) earliest() time.Time {
	var at time.Time
	for _, h := range l.heaps() {
		if h.Len() > 0 && (at.IsZero() || (*h)[0].due.Before(at)) {
			at = (*h)[0].due
		}
	}
	return at
}

// due counts the runs that are due, up to a limit.
func (l *line) due(now time.Time, limit int) int {
	n := 0
	for _, h := range l.heaps() {
		for _, p := range *h {
			if n == limit {
				return n
			}
			if !p.due.After(now) {
				n++
			}
		}
	}
	return n
}

// next is when the first run becomes due that is not due yet.
func (l *line) next(now time.Time) (at time.Time, ok bool) {
	for _, h := range l.heaps() {
		for _, p := range *h {
			if p.due.After(now) && (!ok || p.due.Before(at)) {
				at, ok = p.due, true
			}
		}
	}
	return at, ok
}

// Len is how many wait.
func (l *line) Len() int { return l.retries.Len() + l.submitted.Len() }

// dueHeap has the run that is due first in front. Its exported methods are for
// container/heap alone.
type dueHeap []*place

// Len is the number of runs.
func (h *dueHeap) Len() int { return len(*h) }

// Less orders by the time that runs are due, then by that of their creation.
func (h *dueHeap) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	return cmp.Or(a.due.Compare(b.due), a.created.Compare(b.created), cmp.Compare(a.id, b.id)) < 0
}

// Swap swaps two places.
func (h *dueHeap) Swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	(*h)[i].index, (*h)[j].index = i, j
}

// Push adds a place at the end.
func (h *dueHeap) Push(x any) {
	p := x.(*place) //nolint:errcheck,forcetypeassert // nothing else is pushed
	p.index = len(*h)
	*h = append(*h, p)
}

// Pop removes the last place.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return p
}

// alarm rings once, at the earliest of the times it was set to.
type alarm struct {
	timer *time.Timer
	at    time.Time // zero: not set
}

func (a *alarm) set(at, now time.Time, ring func()) {
	if !a.at.IsZero() && !at.Before(a.at) {
		return
	}
	a.stop()
	a.at = at
	a.timer = time.AfterFunc(at.Sub(now), ring)
}

// rang forgets the time that has come.
func (a *alarm) rang() { a.at = time.Time{} }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.at = time.Time{}
}
