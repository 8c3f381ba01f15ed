package taskrun

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// ObservedQuery asks which states runs are in and were in.
type ObservedQuery struct {
	Prefix string // of the type or the name, ASCII letters in either case; "": no restriction
	ByName bool   // by type and name; else those seen last come first
	Limit  int    // 0: none are returned
}

// ObservedState is a type and name of states that runs have, and when.
type ObservedState struct {
	Type      orchestration.StateType
	Name      string
	FirstSeen time.Time // the earliest timestamp of such a state
	LastSeen  time.Time // the latest one
}

// ObservedStates returns the types and names of all states that runs still keep,
// current and past. All of it is of one moment.
func (s *Service) ObservedStates(ctx context.Context, q ObservedQuery) ([]ObservedState, error) {
	var seen perState[ObservedState]
	see := func(state *orchestration.State) {
		observed := seen.of(state)
		if observed.FirstSeen.IsZero() || state.Timestamp.Before(observed.FirstSeen) {
			observed.FirstSeen = state.Timestamp
		}
		if state.Timestamp.After(observed.LastSeen) {
			observed.LastSeen = state.Timestamp
		}
	}
	err := s.Store.Each(ctx, Filter{}, func(run *Run) {
		if run.State != nil {
			see(run.State)
		}
		for i := range run.History {
			see(&run.History[i])
		}
	})
	if err != nil {
		return nil, err
	}
	states := make([]ObservedState, 0, len(seen.keys))
	for i, key := range seen.keys {
		seen.values[i].Type, seen.values[i].Name = key.kind, key.name
		if hasPrefix(string(key.kind), q.Prefix) || hasPrefix(key.name, q.Prefix) {
			states = append(states, seen.values[i])
		}
	}
	slices.SortFunc(states, q.order)
	return states[:min(max(q.Limit, 0), len(states))], nil
}

func (q ObservedQuery) order(a, b ObservedState) int {
	if c := b.LastSeen.Compare(a.LastSeen); c != 0 && !q.ByName {
		return c
	}
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

// hasPrefix reports whether the text begins so, ASCII letters in either case.
func hasPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.Map(lowerASCII, text[:len(prefix)]) == strings.Map(lowerASCII, prefix)
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
