package feed

import (
	"math"
	"time"
)

// waiting holds the readers of a feed by the changes that they are woken for. The
// lock of the feed guards it.
type waiting[R Run] struct {
	all     int           // number of readers that are woken for every change
	changed chan struct{} // closed when they are woken
	byRun   map[string]*runReaders[R]
	due     []*runReaders[R] // with entries without a wake-up
}

// runReaders holds the readers that select a run.
type runReaders[R Run] struct {
	readers map[*feedReader[R]]struct{}
	due     span // entries of the run without a wake-up
}

// span is a range of positions from the first to the last selected entry. Entries
// between them need not be selected.
type span struct{ first, last int }

// nothing is the empty span.
var nothing = span{math.MaxInt, -1}

func (s *span) join(t span) { *s = span{min(s.first, t.first), max(s.last, t.last)} }

// maxWokenRuns is the maximum number of runs for which a reader is woken separately.
// It limits the size of byRun.
const maxWokenRuns = 100

func newWaiting[R Run]() waiting[R] {
	return waiting[R]{changed: make(chan struct{}), byRun: map[string]*runReaders[R]{}}
}

func (w *waiting[R]) add(r *feedReader[R]) {
	if r.wake == nil {
		w.all++
		return
	}
	for id := range r.wants.runs {
		of := w.byRun[id]
		if of == nil {
			of = &runReaders[R]{map[*feedReader[R]]struct{}{}, nothing}
			w.byRun[id] = of
		}
		of.readers[r] = struct{}{}
	}
}

func (w *waiting[R]) remove(r *feedReader[R]) {
	if r.wake == nil {
		w.all--
		return
	}
	for id := range r.wants.runs {
		of := w.byRun[id]
		delete(of.readers, r)
		if len(of.readers) == 0 {
			delete(w.byRun, id)
		}
	}
}

// note records an entry of a run. Its cost does not depend on the number of readers.
func (w *waiting[R]) note(id string, at int) {
	of := w.byRun[id]
	if of == nil {
		return
	}
	if of.due == nothing {
		w.due = append(w.due, of)
	}
	of.due.join(span{at, at})
}

// wakeOf returns the channel to wait for after a reader has read all entries.
func (w *waiting[R]) wakeOf(r *feedReader[R]) <-chan struct{} {
	if r.wake == nil {
		return w.changed
	}
	r.asleep = true
	return r.wake
}

const (
	// wakeShare is the time between two wake-ups of the readers of all runs, per
	// reader. It limits the CPU time of wake-ups. A single reader is woken at once;
	// with many readers, changes are sent together in fewer, larger writes.
	wakeShare = 100 * time.Microsecond
	// minWakePause is the shortest pause. A timer can take as long.
	minWakePause = time.Millisecond
	maxWakePause = 250 * time.Millisecond
)

// wakePause returns the pause after a wake-up of this number of readers.
func wakePause(readers int) time.Duration {
	pause := min(time.Duration(readers)*wakeShare, maxWakePause)
	if pause < minWakePause {
		return 0
	}
	return pause
}

// wakeReaders wakes the readers without the store's lock.
func (f *Feed[R]) wakeReaders(ready, ended <-chan struct{}) {
	var pause <-chan time.Time
	due := false // there are entries for which the readers of all runs were not woken
	for {
		select {
		case <-ready:
			f.wakeSelecting()
			due = true
		case <-pause:
			pause = nil
		case <-ended:
			return
		}
		if !due || pause != nil {
			continue
		}
		due = false
		if d := wakePause(f.wakeAll()); d > 0 {
			pause = time.NewTimer(d).C
		}
	}
}

// wakeAll wakes the readers of all runs, and returns their number.
func (f *Feed[R]) wakeAll() int {
	f.mu.Lock()
	readers, changed := f.waiting.all, f.waiting.changed
	f.waiting.changed = make(chan struct{})
	f.mu.Unlock()
	close(changed)
	return readers
}

// wakeSelecting wakes the readers of the runs that have new entries.
func (f *Feed[R]) wakeSelecting() {
	for _, wake := range f.takeDue() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// takeDue returns the wake-up functions of the readers of runs with new entries.
func (f *Feed[R]) takeDue() (wakes []chan<- struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, of := range f.waiting.due {
		for r := range of.readers {
			r.due.join(of.due)
			wakes = append(wakes, r.wake)
		}
		of.due = nothing
	}
	clear(f.waiting.due)
	f.waiting.due = f.waiting.due[:0]
	return wakes
}
