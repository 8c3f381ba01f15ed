package orchestration

import (
	"testing"
	"time"
)

// noon is the time of all evaluations in these tests.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// transitionFacts returns the facts of a plain transition at noon: a run that
// has been in from for a minute and has no other starts, and a proposal of to.
// The edits are applied afterwards.
func transitionFacts(from, to StateType, edits ...func(*Facts)) Facts {
	f := Facts{
		Run: Run{ID: "run"},
		Proposed: State{
			ID: "proposed", Type: to, Name: to.DefaultName(), Timestamp: noon,
			Details: StateDetails{Deferred: new(false)},
		},
		Now:   noon,
		NewID: "new",
	}
	if from != None {
		f.Run.State = &State{ID: "initial", Type: from, Name: from.DefaultName(), Timestamp: noon.Add(-time.Minute)}
	}
	if from == Running {
		f.Run.RunCount = 1
	}
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

// hear lets one rule judge, and fails the test if the rule does not look at
// that transition at all.
func hear(t *testing.T, rule Rule[Facts], f Facts) Verdict {
	t.Helper()
	if !rule.matches(f.Run.State.typ(), f.Proposed.Type) {
		t.Fatalf("%s does not look at %q -> %q", rule.Name, f.Run.State.typ(), f.Proposed.Type)
	}
	return rule.Evaluate(f)
}

// proposedWith returns the proposed state of the facts after an edit.
func proposedWith(f Facts, edit func(*State)) *State {
	s := f.Proposed
	edit(&s)
	return &s
}
