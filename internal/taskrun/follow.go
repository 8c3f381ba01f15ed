package taskrun

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Following selects the changes that a reader gets.
type Following struct {
	Since  time.Time // of states; what came earlier is left out
	RunIDs []string  // of no other runs; nil: of all
}

// followed is a Following with its runs as a set, which is asked at every change.
type followed struct {
	Following

	runs map[string]bool // nil: all
}

func (f Following) prepared() followed {
	if f.RunIDs == nil {
		return followed{f, nil}
	}
	return followed{f, SetOf(f.RunIDs)}
}

// ErrTooSlow ends a stream whose reader is so far behind that what it has not
// read yet is not kept any more.
var ErrTooSlow = errors.New("the reader is too slow")

// maxBehind is how many changes are kept for a reader. There are fewer if the
// BufferBudget has no room for as many.
const maxBehind = 10_000

// Follow yields the states that runs entered since a time, in the order of time,
// and then those that they enter, as they become known here, without a gap
// between the two, until the context ends. It ends with ErrTooSlow if the reader
// falls too far behind.
func (s *Service) Follow(ctx context.Context, following Following) iter.Seq2[*SharedChange, error] {
	f := following.prepared()
	return func(yield func(*SharedChange, error) bool) {
		past := s.feed.join(s.Store, f)
		defer s.feed.leave()
		reader := &feedReader{feed: &s.feed, wants: f, past: past, at: past.from}
		for {
			changes, err := reader.next(ctx)
			for _, c := range changes {
				if !yield(c, nil) {
					return
				}
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

// wants reports whether a change is to be told. What comes to be known now is told
// whatever its time, which may be of a clock that is behind.
func (f *followed) wants(c *SharedChange) bool {
	return (f.runs == nil || f.runs[c.Run.ID]) && (!c.first || !c.recorded.Before(f.Since))
}

// changesBetween returns the changes that lie between two versions of a run; before
// is nil for one that nothing is known of.
func changesBetween(before, after *Run, now time.Time) []*SharedChange {
	if !differ(before, after) {
		return nil
	}
	var changes []*SharedChange
	for i := range after.stateCount() {
		state := after.stateAt(i)
		if before != nil && before.Has(state.ID) {
			continue
		}
		c := &SharedChange{first: before == nil, recorded: after.recorded(state)}
		c.set(after, i, latest(now, c.recorded))
		changes = append(changes, c)
	}
	return changes
}

// set makes it the change to the i-th state of a run.
func (c *Change) set(run *Run, i int, received time.Time) {
	c.Run, c.State, c.Received = run, run.stateAt(i), received
	c.Reported = c.State.Reported
	if i > 0 {
		c.Previous = run.stateAt(i - 1)
	}
}

// recorded is when the state was recorded at the earliest, as far as the run tells.
func (r *Run) recorded(state *orchestration.State) time.Time {
	if r.State != nil && state.ID == r.State.ID {
		return latest(state.Timestamp, r.Updated)
	}
	return state.Timestamp
}

// LastRecorded returns when the latest of the run's states was recorded at the
// earliest. It is zero if the run has no state.
func (r *Run) LastRecorded() time.Time {
	var last time.Time
	if r.State == nil {
		return last
	}
	for i := range r.stateCount() {
		last = latest(last, r.recorded(r.stateAt(i)))
	}
	return last
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// differ reports whether there may be a change to tell of. Most writes bring none:
// they are seen without a look at each state.
func differ(before, after *Run) bool {
	if after == nil || after.State == nil {
		return false
	}
	return before == nil || before.State == nil || before.State.ID != after.State.ID || len(before.History) != len(after.History)
}
