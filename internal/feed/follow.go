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
// are yielded together. After the states that were stored before the call, it yields one
// empty batch.
func (f *Feed[R]) Follow(ctx context.Context, store Source[R], o taskrun.WatchOptions) iter.Seq2[[]*SharedChange[R], error] {
	selected := newSelection(o)
	return func(yield func([]*SharedChange[R], error) bool) {
		reader := f.join(store, selected)
		defer f.leave(reader)
		for {
			changes, err := reader.next(ctx)
			if err != nil {
				if ctx.Err() == nil {
					yield(nil, err)
				}
				return
			}
			if !yield(changes, nil) {
				return
			}
		}
	}
}

// wants reports whether a reader with this selection gets a change. It gets every change received from
// now on, regardless of its time, because the clock of a worker can be behind.
func wants[R Run](f *selection, c *SharedChange[R]) bool {
	return (f.runs == nil || f.runs[c.Run.RunID()]) && (!c.first || !c.recorded.Before(f.Since))
}

// changesBetween returns the changes between two versions of a run. before is nil if
// no earlier version is known.
func changesBetween[R Run](before, after R, now time.Time) []*SharedChange[R] {
	if !differ(before, after) {
		return nil
	}
	var changes []*SharedChange[R]
	var none R
	for i := range after.StateCount() {
		state := after.StateAt(i)
		if before != none && before.Has(state.ID) {
			continue
		}
		c := &SharedChange[R]{first: before == none, recorded: after.RecordedAt(state)}
		c.ChangeOf = taskrun.ChangeTo(after, i, taskrun.Latest(now, c.recorded))
		changes = append(changes, c)
	}
	return changes
}

// differ reports whether there can be a change. It avoids the comparison of each
// state, because most writes have no change.
func differ[R Run](before, after R) bool {
	var none R
	if after == none || after.StateCount() == 0 {
		return false
	}
	last := after.StateCount() - 1
	return before == none || before.StateCount() != last+1 || before.StateAt(last).ID != after.StateAt(last).ID
}
