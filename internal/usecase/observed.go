package usecase

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ObservedStates returns the types and names of all stored states of runs,
// current and past, from one snapshot.
func (l *Lister) ObservedStates(ctx context.Context, q taskrun.ObservedQuery) ([]taskrun.ObservedState, error) {
	var seen taskrun.PerState[taskrun.ObservedState]
	see := func(state *orchestration.State) {
		observed := seen.Of(state)
		if observed.FirstSeen.IsZero() || state.Timestamp.Before(observed.FirstSeen) {
			observed.FirstSeen = state.Timestamp
		}
		if state.Timestamp.After(observed.LastSeen) {
			observed.LastSeen = state.Timestamp
		}
	}
	err := l.runs.Each(ctx, taskrun.Filter{}, func(run *taskrun.Run) {
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
	states := make([]taskrun.ObservedState, 0, seen.Len())
	for state, observed := range seen.All() {
		observed.Type, observed.Name = state.Type, state.Name
		if hasPrefix(string(state.Type), q.Prefix) || hasPrefix(state.Name, q.Prefix) {
			states = append(states, *observed)
		}
	}
	slices.SortFunc(states, func(a, b taskrun.ObservedState) int { return compareObserved(q, a, b) })
	return states[:min(max(q.Limit, 0), len(states))], nil
}

// hasPrefix reports whether the text has the prefix, with ASCII letters in
// either case.
func hasPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.Map(lowerASCII, text[:len(prefix)]) == strings.Map(lowerASCII, prefix)
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func compareObserved(q taskrun.ObservedQuery, a, b taskrun.ObservedState) int {
	if c := b.LastSeen.Compare(a.LastSeen); c != 0 && !q.ByName {
		return c
	}
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}
