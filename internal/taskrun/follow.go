package taskrun

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Following says what somebody wants to hear of.
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

// maxBehind is how many changes are kept for a reader.
const maxBehind = 10_000

// Follow yields the states that runs entered since a time, in the order of time,
// and then those that they enter, as they become known here, without a gap
// between the two, until the context ends. It ends with ErrTooSlow if the reader
// falls too far behind.
func (s *Service) Follow(ctx context.Context, following Following) iter.Seq2[Change, error] {
	f := following.prepared()
	return func(yield func(Change, error) bool) {
		from, now := s.feed.join(s.Store, f)
		defer s.feed.leave()
		for _, c := range f.past(now) {
			if !yield(c, nil) {
				return
			}
		}
		reader := &feedReader{feed: &s.feed, wants: f, at: from, until: s.feed.position(), known: byID(now)}
		for {
			changes, err := reader.next(ctx)
			for _, c := range changes {
				if !yield(c, nil) {
					return
				}
			}
			if err != nil {
				if ctx.Err() == nil {
					yield(Change{}, err)
				}
				return
			}
		}
	}
}

func byID(runs []*Run) map[string]*Run {
	known := make(map[string]*Run, len(runs))
	for _, run := range runs {
		known[run.ID] = run
	}
	return known
}

// past are the changes that led to what the runs are now.
func (f followed) past(runs []*Run) []Change {
	var changes []Change
	for _, run := range runs {
		for _, e := range changesBetween(nil, run, time.Time{}) {
			if f.wants(&e) {
				changes = append(changes, e.Change)
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(a.State.Timestamp.Compare(b.State.Timestamp), cmp.Compare(a.Run.ID, b.Run.ID)) // those of a run are in order
	})
	return changes
}

// wants reports whether a change is to be told. What comes to be known now is told
// whatever its time, which may be of a clock that is behind.
func (f followed) wants(e *feedEntry) bool {
	return (f.runs == nil || f.runs[e.Run.ID]) && (!e.first || !e.recorded.Before(f.Since))
}

// changesBetween returns the changes that lie between two versions of a run; before
// is nil for one that nothing is known of. Now is zero for the past.
func changesBetween(before, after *Run, now time.Time) []feedEntry {
	if !differ(before, after) {
		return nil
	}
	var entries []feedEntry
	var previous *orchestration.State
	for _, state := range after.States() {
		recorded := after.recorded(&state)
		if before == nil || !before.Has(state.ID) {
			entries = append(entries, feedEntry{
				Change: Change{
					Run: after, State: state, Previous: previous, Reported: state.Reported, Received: latest(now, recorded),
				},
				first: before == nil, recorded: recorded,
			})
		}
		previous = &state
	}
	return entries
}

// recorded is when the state was recorded at the earliest, as far as the run tells.
func (r *Run) recorded(state *orchestration.State) time.Time {
	if state.ID == r.State.ID {
		return latest(state.Timestamp, r.Updated)
	}
	return state.Timestamp
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
