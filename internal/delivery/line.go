package delivery

import (
	"cmp"
	"container/heap"
	"time"
)

// place is that of one run in its line.
type place struct {
	id, key      string
	due, created time.Time
	index        int // in the heap
}

// line holds the runs of one task key that wait, the first one due at the front.
type line []*place

func (l *line) add(p *place)    { heap.Push(l, p) }
func (l *line) remove(p *place) { heap.Remove(l, p.index) }
func (l *line) first() *place   { return (*l)[0] }

// due counts the runs that are due, up to a limit.
func (l *line) due(now time.Time, limit int) int {
	n := 0
	for _, p := range *l {
		if n == limit {
			break
		}
		if !p.due.After(now) {
			n++
		}
	}
	return n
}

// next is when the first run becomes due that is not due yet.
func (l *line) next(now time.Time) (at time.Time, ok bool) {
	for _, p := range *l {
		if p.due.After(now) && (!ok || p.due.Before(at)) {
			at, ok = p.due, true
		}
	}
	return at, ok
}

// Len is how many wait.
func (l *line) Len() int { return len(*l) }

// Less orders by the time that runs are due, then by that of their creation.
func (l *line) Less(i, j int) bool {
	a, b := (*l)[i], (*l)[j]
	return cmp.Or(a.due.Compare(b.due), a.created.Compare(b.created), cmp.Compare(a.id, b.id)) < 0
}

// Swap swaps two places.
func (l *line) Swap(i, j int) {
	(*l)[i], (*l)[j] = (*l)[j], (*l)[i]
	(*l)[i].index, (*l)[j].index = i, j
}

// Push is for the heap alone.
func (l *line) Push(x any) {
	p := x.(*place) //nolint:errcheck,forcetypeassert // nothing else is pushed
	p.index = len(*l)
	*l = append(*l, p)
}

// Pop is for the heap alone.
func (l *line) Pop() any {
	last := len(*l) - 1
	p := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
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
