package feed

import (
	"cmp"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// backlog has the changes before a position of a feed, as the runs showed them at one
// moment. Readers that start soon after each other share one.
type backlog struct {
	since   time.Time      // what was recorded earlier is left out
	changes []SharedChange // in the order of time

	// Readers go on at the position from. What entries before the position until
	// tell may be among the changes; known are the runs of these, as they were.
	from, until int
	known       map[string]*taskrun.Run

	retained retained
}

// changeBytes is the size of a change in a backlog.
const changeBytes = 160

// pastState is a state of a run that is to be a change of a backlog.
type pastState struct {
	run      *taskrun.Run
	index    int
	recorded time.Time
}

// pastChanges returns the changes that led to what the runs are, in the order of
// time, without those recorded earlier than since.
func pastChanges(runs []*taskrun.Run, since time.Time, kept *retained) []SharedChange {
	var states []pastState
	for _, run := range runs {
		if run.State == nil {
			continue
		}
		for i := range run.StateCount() {
			if recorded := run.RecordedAt(run.StateAt(i)); !recorded.Before(since) {
				states = append(states, pastState{run, i, recorded})
			}
		}
	}
	slices.SortStableFunc(states, func(a, b pastState) int { // those of a run are in order
		return cmp.Or(a.run.StateAt(a.index).Timestamp.Compare(b.run.StateAt(b.index).Timestamp), cmp.Compare(a.run.ID, b.run.ID))
	})
	changes := make([]SharedChange, len(states))
	for i, s := range states {
		c := &changes[i]
		c.first, c.recorded, c.retained = true, s.recorded, kept
		c.Change = taskrun.ChangeTo(s.run, s.index, s.recorded)
	}
	return changes
}

// contains reports whether a change at a position of the feed is in the backlog.
func (b *backlog) contains(at int, c *SharedChange) bool {
	if at >= b.until {
		return false
	}
	run := b.known[c.Run.ID]
	return run != nil && run.Has(c.State.ID)
}

// backlogOf makes the backlog of a reader that selects some runs.
func (f *Feed) backlogOf(store taskrun.Store, wants *selection) *backlog {
	b := &backlog{since: wants.Since, from: f.position()}
	var runs []*taskrun.Run
	for id := range wants.runs {
		if run := store.Known(id); run != nil {
			runs = append(runs, run)
		}
	}
	b.until = f.position()
	b.changes = pastChanges(runs, b.since, nil)
	b.noteKnown(f, runs)
	return b
}

// sharedBacklog returns a backlog for a reader that selects all runs: the one that is
// there, if it goes back far enough and nothing behind it is dropped. Else the
// store returns the runs that have changed since, and no others.
func (f *Feed) sharedBacklog(store taskrun.Store, since time.Time) *backlog {
	if b := f.usableBacklog(since); b != nil {
		return b
	}
	b := &backlog{since: since, from: f.position(), retained: retained{feed: f}}
	runs := store.ChangedSince(since)
	b.until = f.position()
	b.changes = pastChanges(runs, since, &b.retained)
	b.noteKnown(f, runs)
	b.retained.bytes = changeBytes * int64(len(b.changes))
	f.keepBacklog(b)
	return b
}

// noteKnown keeps those of the runs that changed while they were read.
func (b *backlog) noteKnown(f *Feed, runs []*taskrun.Run) {
	changed := f.changedBetween(b.from, b.until)
	if len(changed) == 0 {
		b.until = b.from
		return
	}
	b.known = make(map[string]*taskrun.Run, len(changed))
	for _, run := range runs {
		if changed[run.ID] {
			b.known[run.ID] = run
		}
	}
}
