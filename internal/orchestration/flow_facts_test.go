package orchestration

import (
	"testing"
	"time"
)

// flowRunFacts are the facts of a plain transition of a flow run at noon: a run that was
// created in from a minute ago, and a proposal of to. Edits come on top.
func flowRunFacts(from, to StateType, edits ...func(*FlowRunFacts)) FlowRunFacts {
	f := FlowRunFacts{
		ID: "run",
		Proposed: State{
			ID: "proposed", Type: to, Name: to.DefaultName(), Timestamp: noon,
			Details: StateDetails{Deferred: new(false)},
		},
		Now:         noon,
		NewID:       "new",
		NewPauseKey: "new-key",
	}
	if from != None {
		f.Progress.State = &State{ID: "initial", Type: from, Name: from.DefaultName(), Timestamp: noon.Add(-time.Minute)}
		f.Progress.ExpectedStartTime = at(-60)
	}
	if from == Running {
		f.Progress.RunCount = 1
	}
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

// hearFlow lets one rule evaluate, and fails the test if the rule does not match the
// transition.
func hearFlow(t *testing.T, rule Rule[FlowRunFacts], f FlowRunFacts) Verdict {
	t.Helper()
	if !rule.matches(f.Progress.State.typ(), f.Proposed.Type) {
		t.Fatalf("%s does not match %q -> %q", rule.Name, f.Progress.State.typ(), f.Proposed.Type)
	}
	return rule.Evaluate(f)
}

// proposedFlow is the proposed state of the facts after an edit.
func proposedFlow(f FlowRunFacts, edit func(*State)) *State {
	s := f.Proposed
	edit(&s)
	return &s
}

// The edits that several tests make.

func deployed(f *FlowRunFacts) { f.HasDeployment = true }

// later is a run whose current state was not its first one.
func later(f *FlowRunFacts) {
	if f.Progress.State != nil {
		f.Progress.ExpectedStartTime = at(-120)
		f.Progress.RunCount = max(f.Progress.RunCount, 1)
	}
}

func suspended(f *FlowRunFacts) {
	if s := f.Progress.State; s.typ() == Paused {
		s.Name, s.Details.PauseReschedule = NameSuspended, true
	}
}

func resultData(s *State) { s.Data = []byte(`{"storage_key":"k"}`) }
