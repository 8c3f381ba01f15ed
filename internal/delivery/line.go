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
	later        bool // is among those that are not due
	due, created time.Time
	index        int // in the heap
}

// line holds the runs of one task key that wait. Of the runs that are due,
// retries go first, as in Prefect's two queues of a task key (contract §1.6). Those
// that are not due are apart, so that only the next one of them is looked at.
type line struct {
	retries, submitted dueHeap   // due at the time of the last look
	later              dueHeap   // due after it
	at                 time.Time // of the last look
	index              int       // in the queue's lineHeap, plus one; 0: not in there
	key                string
}

func (l *line) heapOf(p *place) *dueHeap {
	switch {
	case p.later:
		return &l.later
	case p.retry:
		return &l.retries
	default:
		return &l.submitted
	}
}

func (l *line) heaps() []*dueHeap { return []*dueHeap{&l.retries, &l.submitted} }

func (l *line) add(p *place) {
	p.later = p.due.After(l.at)
	heap.Push(l.heapOf(p), p)
}

func (l *line) remove(p *place) { heap.Remove(l.heapOf(p), p.index) }

// look moves the runs that have become due. A clock that was set back moves runs
// the other way, for which all of them are looked at.
func (l *line) look(now time.Time) {
	if now.Before(l.at) {
		l.lookAgain(now)
	}
	l.at = now
	for l.later.Len() > 0 && !l.later[0].due.After(now) {
		p := l.later[0]
		heap.Pop(&l.later)
		l.add(p)
	}
}

func (l *line) lookAgain(now time.Time) {
	l.at = now
	for _, h := range l.heaps() {
		places := *h
		*h = nil
		for _, p := range places {
			l.add(p)
		}
	}
}

// first is the run to deliver first of those that are due, nil if none is.
func (l *line) first(now time.Time) *place {
	l.look(now)
	for _, h := range l.heaps() {
		if h.Len() > 0 {
			return (*h)[0]
		}
	}
	return nil
}

// earliest is the earliest time that a run is due at. The line must not be empty.
func (l *line) earliest() time.Time {
	var at time.Time
	for _, h := range append(l.heaps(), &l.later) {
		if h.Len() > 0 && (at.IsZero() || (*h)[0].due.Before(at)) {
			at = (*h)[0].due
		}
	}
	return at
}

// due counts the runs that are due, up to a limit.
func (l *line) due(now time.Time, limit int) int {
	l.look(now)
	return min(limit, l.retries.Len()+l.submitted.Len())
}

// next is when the first run becomes due that is not due yet.
func (l *line) next(now time.Time) (at time.Time, ok bool) {
	l.look(now)
	return l.coming()
}

// coming is when the first run becomes due that was not due at the last look.
func (l *line) coming() (at time.Time, ok bool) {
	if l.later.Len() == 0 {
		return time.Time{}, false
	}
	return l.later[0].due, true
}

// Len is how many wait.
func (l *line) Len() int { return l.retries.Len() + l.submitted.Len() + l.later.Len() }

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

// lineHeap has the lines with runs that are not due, the one whose next run is due
// first in front. Its exported methods are for container/heap alone.
type lineHeap []*line

// Len is the number of lines.
func (h *lineHeap) Len() int { return len(*h) }

// Less orders by the time that the next run is due.
func (h *lineHeap) Less(i, j int) bool { return (*h)[i].later[0].due.Before((*h)[j].later[0].due) }

// Swap swaps two lines.
func (h *lineHeap) Swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	(*h)[i].index, (*h)[j].index = i+1, j+1
}

// Push adds a line at the end.
func (h *lineHeap) Push(x any) {
	l := x.(*line) //nolint:errcheck,forcetypeassert // nothing else is pushed
	*h = append(*h, l)
	l.index = len(*h)
}

// Pop removes the last line.
func (h *lineHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last], l.index = nil, 0
	*h = (*h)[:last]
	return l
}

// longestAlarm bounds every wait of an alarm. Waits run on the monotonic clock, due
// times are on the wall clock: after that clock stepped, or the machine slept, a due
// run is noticed this late at the most.
const longestAlarm = 30 * time.Second

// alarm rings once, at the earliest of the times it was set to, or before it if that
// is more than longestAlarm away.
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
	a.timer = time.AfterFunc(min(at.Sub(now), longestAlarm), ring)
}

// rang forgets the time that has come.
func (a *alarm) rang() { a.at = time.Time{} }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.at = time.Time{}
}
