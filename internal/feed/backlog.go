package feed

import (
	"cmp"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// backlog holds the changes before a position of a feed, computed from one snapshot
// of the runs. Readers that start soon after each other share a backlog.
type backlog[R Run] struct {
	since   time.Time         // changes recorded earlier are omitted
	changes []SharedChange[R] // ordered by time

	// Readers continue at the position from. Changes of the entries before the
	// position until can be in the backlog too. known holds the runs of these entries
	// as they were read.
	from, until int
	known       map[string]R

	retained retained[R]
}

// changeBytes is the memory of a change in a backlog, in bytes.
const changeBytes = 160

// pastState is a state of a run that becomes a change of a backlog.
type pastState[R Run] struct {
	run      R
	index    int
	recorded time.Time
}

// pastChanges returns the changes that led to the current runs, ordered by time. It
// omits changes recorded earlier than since.
func pastChanges[R Run](runs []R, since time.Time, kept *retained[R]) []SharedChange[R] {
	var states []pastState[R]
	for _, run := range runs {
		for i := range run.StateCount() {
			if recorded := run.RecordedAt(run.StateAt(i)); !recorded.Before(since) {
				states = append(states, pastState[R]{run, i, recorded})
			}
		}
	}
	slices.SortStableFunc(states, func(a, b pastState[R]) int { // the states of one run are already in order
		return cmp.Or(a.run.StateAt(a.index).Timestamp.Compare(b.run.StateAt(b.index).Timestamp), cmp.Compare(a.run.RunID(), b.run.RunID()))
	})
	changes := make([]SharedChange[R], len(states))
	for i, s := range states {
		c := &changes[i]
		c.first, c.recorded, c.retained = true, s.recorded, kept
		c.ChangeOf = taskrun.ChangeTo(s.run, s.index, s.recorded)
	}
	return changes
}

// contains reports whether a change at a position of the feed is in the backlog.
func (b *backlog[R]) contains(at int, c *SharedChange[R]) bool {
	if at >= b.until {
		return false
	}
	run, read := b.known[c.Run.RunID()]
	return read && run.Has(c.State.ID)
}

// backlogOf returns the backlog for a reader that selects some runs.
func (f *Feed[R]) backlogOf(store Source[R], wants *selection) *backlog[R] {
	b := &backlog[R]{since: wants.Since, from: f.position()}
	var runs []R
	var none R
	for id := range wants.runs {
		if run := store.Known(id); run != none {
			runs = append(runs, run)
		}
	}
	b.until = f.position()
	b.changes = pastChanges(runs, b.since, nil)
	b.noteKnown(f, runs)
	return b
}

// sharedBacklog returns a backlog for a reader that selects all runs. It reuses the
// existing backlog if that goes back far enough and no entry after it was dropped.
// Otherwise it reads the runs that have changed since then.
func (f *Feed[R]) sharedBacklog(store Source[R], since time.Time) *backlog[R] {
	if b := f.usableBacklog(since); b != nil {
		return b
	}
	b := &backlog[R]{since: since, from: f.position(), retained: retained[R]{feed: f}}
	runs := store.ChangedSince(since)
	b.until = f.position()
	b.changes = pastChanges(runs, since, &b.retained)
	b.noteKnown(f, runs)
	b.retained.bytes = changeBytes * int64(len(b.changes))
	f.keepBacklog(b)
	return b
}

// noteKnown keeps the runs that changed while they were read.
func (b *backlog[R]) noteKnown(f *Feed[R], runs []R) {
	changed := f.changedBetween(b.from, b.until)
	if len(changed) == 0 {
		b.until = b.from
		return
	}
	b.known = make(map[string]R, len(changed))
	for _, run := range runs {
		if changed[run.RunID()] {
			b.known[run.RunID()] = run
		}
	}
}
