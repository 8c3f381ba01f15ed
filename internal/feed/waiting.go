package feed

import (
	"math"
	"time"
)

// waiting has the readers of a feed by what they are woken for. The lock of the feed
// guards it.
type waiting struct {
	all     int           // number of readers that are woken for every change
	changed chan struct{} // closed when they are woken
	byRun   map[string]*runReaders
	due     []*runReaders // with entries that their readers were not woken for
}

// runReaders are the readers that select a run.
type runReaders struct {
	readers map[*feedReader]struct{}
	due     span // the entries of the run that they were not woken for
}

// span is a range of positions: of the first and of the last entry of interest.
// Others may be between them.
type span struct{ first, last int }

// nothing is the empty span.
var nothing = span{math.MaxInt, -1}

func (s *span) join(t span) { *s = span{min(s.first, t.first), max(s.last, t.last)} }

// maxWokenRuns is the number of runs up to which a reader is woken for changes of its
// runs only. It bounds what a reader takes in byRun.
const maxWokenRuns = 100

func newWaiting() waiting {
	return waiting{changed: make(chan struct{}), byRun: map[string]*runReaders{}}
}

func (w *waiting) add(r *feedReader) {
	if r.wake == nil {
		w.all++
		return
	}
	for id := range r.wants.runs {
		of := w.byRun[id]
		if of == nil {
			of = &runReaders{map[*feedReader]struct{}{}, nothing}
			w.byRun[id] = of
		}
		of.readers[r] = struct{}{}
	}
}

func (w *waiting) remove(r *feedReader) {
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

// note notes that there is an entry of a run. Its cost does not grow with the number
// of readers.
func (w *waiting) note(id string, at int) {
	of := w.byRun[id]
	if of == nil {
		return
	}
	if of.due == nothing {
		w.due = append(w.due, of)
	}
	of.due.join(span{at, at})
}

// wakeOf returns what a reader waits for that has read all entries.
func (w *waiting) wakeOf(r *feedReader) <-chan struct{} {
	if r.wake == nil {
		return w.changed
	}
	r.asleep = true
	return r.wake
}

const (
	// wakeShare is the time for each of the readers of all runs that is between two
	// wake-ups of them: what they cost is a part of it. One reader is told at once, and
	// the changes of many come together in fewer and larger writes.
	wakeShare = 100 * time.Microsecond
	// minWakePause is the shortest pause: a timer may take as long.
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

// wakeReaders wakes the readers, outside of the store's lock.
func (f *Feed) wakeReaders(ready, ended <-chan struct{}) {
	var pause <-chan time.Time
	due := false // there are entries that the readers of all runs were not woken for
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
func (f *Feed) wakeAll() int {
	f.mu.Lock()
	readers, changed := f.waiting.all, f.waiting.changed
	f.waiting.changed = make(chan struct{})
	f.mu.Unlock()
	close(changed)
	return readers
}

// wakeSelecting wakes the readers of the runs that have new entries.
func (f *Feed) wakeSelecting() {
	for _, wake := range f.takeDue() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// takeDue returns how the readers of the runs that have new entries are woken.
func (f *Feed) takeDue() (wakes []chan<- struct{}) {
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
