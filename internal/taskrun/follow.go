package taskrun

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
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
		pending := &pending{wants: f, clock: s.Clock, come: make(chan struct{}, 1)}
		now, stop := s.Store.Follow(pending.hear)
		defer stop()
		for _, c := range f.past(now) {
			if !yield(c, nil) {
				return
			}
		}
		for {
			changes, err := pending.take(ctx)
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

// past are the changes that led to what the runs are now.
func (f followed) past(runs []*Run) []Change {
	var changes []Change
	for _, run := range runs {
		changes = f.between(changes, nil, run, time.Time{})
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(a.State.Timestamp.Compare(b.State.Timestamp), cmp.Compare(a.Run.ID, b.Run.ID)) // those of a run are in order
	})
	return changes
}

// between adds the changes that lie between two versions of a run; before is nil
// for one that nothing is known of. What comes to be known now is told whatever
// its time, which may be of a clock that is behind. Now is zero for the past.
func (f followed) between(changes []Change, before, after *Run, now time.Time) []Change {
	if !f.concerns(before, after) {
		return changes
	}
	var previous *orchestration.State
	for _, state := range after.States() {
		recorded := after.recorded(&state)
		news := before != nil && !before.Has(state.ID)
		if news || (before == nil && !recorded.Before(f.Since)) {
			changes = append(changes, Change{
				Run: after, State: state, Previous: previous, Reported: state.Reported, Received: latest(now, recorded),
			})
		}
		previous = &state
	}
	return changes
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

// concerns reports whether there may be a change to tell of. Most writes bring
// none: they are seen without a look at each state.
func (f followed) concerns(before, after *Run) bool {
	if after.State == nil || (f.runs != nil && !f.runs[after.ID]) {
		return false
	}
	return before == nil || before.State == nil || before.State.ID != after.State.ID || len(before.History) != len(after.History)
}

// pending keeps changes until their reader takes them.
type pending struct {
	wants followed
	clock Clock
	come  chan struct{} // has a token when there is something

	mu      sync.Mutex
	changes []Change
	tooSlow bool
}

// hear never blocks.
func (p *pending) hear(before, after *Run) {
	if after == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tooSlow {
		return
	}
	had := len(p.changes)
	p.changes = p.wants.between(p.changes, before, after, p.clock.Now().UTC().Truncate(time.Microsecond))
	if len(p.changes) > maxBehind {
		p.changes, p.tooSlow = nil, true
	} else if len(p.changes) == had {
		return
	}
	select {
	case p.come <- struct{}{}:
	default:
	}
}

// take waits for changes and returns all there are.
func (p *pending) take(ctx context.Context) ([]Change, error) {
	select {
	case <-p.come:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := p.changes
	p.changes = nil
	if p.tooSlow {
		return nil, ErrTooSlow
	}
	return changes, nil
}
