package feed

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// selection is a WatchOptions with its runs as a set, for a lookup at every change.
type selection struct {
	taskrun.WatchOptions

	runs map[string]bool // nil: all
}

func newSelection(o taskrun.WatchOptions) selection {
	if o.RunIDs == nil {
		return selection{o, nil}
	}
	return selection{o, taskrun.SetOf(o.RunIDs)}
}

// ErrTooSlow ends a stream whose unread changes were dropped.
var ErrTooSlow = errors.New("the reader is too slow")

// maxBehind is the maximum number of changes kept for readers. Fewer are kept if the
// bytebudget.Budget is exhausted.
const maxBehind = 10_000

// Follow yields the states that runs of the store have entered since a time, ordered
// by time, and then new ones as this replica learns of them, without a gap, until the
// context ends. It ends with ErrTooSlow if the reader falls too far behind. All
// readers of a feed follow the same store. Changes that are available at the same time
// are yielded together.
func (f *Feed) Follow(ctx context.Context, store taskrun.Store, o taskrun.WatchOptions) iter.Seq2[[]*SharedChange, error] {
	selected := newSelection(o)
	return func(yield func([]*SharedChange, error) bool) {
		reader := f.join(store, selected)
		defer f.leave(reader)
		for {
			changes, err := reader.next(ctx)
			if len(changes) > 0 && !yield(changes, nil) {
				return
			}
			if err != nil {
				if ctx.Err() == nil {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// wants reports whether the reader gets a change. It gets every change received from
// now on, regardless of its time, because the clock of a worker can be behind.
func (f *selection) wants(c *SharedChange) bool {
	return (f.runs == nil || f.runs[c.Run.ID]) && (!c.first || !c.recorded.Before(f.Since))
}

// changesBetween returns the changes between two versions of a run. before is nil if
// no earlier version is known.
func changesBetween(before, after *taskrun.Run, now time.Time) []*SharedChange {
	if !differ(before, after) {
		return nil
	}
	var changes []*SharedChange
	for i := range after.StateCount() {
		state := after.StateAt(i)
		if before != nil && before.Has(state.ID) {
			continue
		}
		c := &SharedChange{first: before == nil, recorded: after.RecordedAt(state)}
		c.Change = taskrun.ChangeTo(after, i, taskrun.Latest(now, c.recorded))
		changes = append(changes, c)
	}
	return changes
}

// differ reports whether there can be a change. It avoids the comparison of each
// state, because most writes have no change.
func differ(before, after *taskrun.Run) bool {
	if after == nil || after.State == nil {
		return false
	}
	return before == nil || before.State == nil || before.State.ID != after.State.ID || len(before.History) != len(after.History)
}
