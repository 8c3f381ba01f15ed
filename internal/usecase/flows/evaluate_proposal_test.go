package flows_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// named returns a proposal of this name for a run.
func namedProposal(run *flowrun.Run, name string, kind orchestration.StateType) taskrun.NamedProposal {
	return taskrun.NamedProposal{Proposal: proposal(kind), Name: name, UID: "uid-of-" + name, Object: run.Ref.UID, Proposer: "alice"}
}

func (f *fixture) mustEvaluate(t testingT, run *flowrun.Run, p taskrun.NamedProposal) flowrun.Evaluation {
	t.Helper()
	evaluation, err := f.EvaluateProposal(context.Background(), run.ID, p)
	if err != nil {
		t.Fatalf("EvaluateProposal(%s): %v", p.Name, err)
	}
	return evaluation
}

func TestEvaluateProposal_recordsVerdicts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	accepted := f.mustEvaluate(t, run, namedProposal(run, "cancel", orchestration.Cancelling))
	if accepted.Status != orchestration.Accept || !accepted.Recorded || !accepted.Written || accepted.Final.StateID != accepted.Run.State.ID {
		t.Errorf("accepted: %+v", accepted)
	}
	outdated := namedProposal(run, "outdated", orchestration.Cancelled)
	outdated.IfStateID = run.State.ID
	aborted := f.mustEvaluate(t, run, outdated)
	if aborted.Status != orchestration.Abort || aborted.Written || aborted.Final.StateID != "" || aborted.Reason == "" {
		t.Errorf("aborted: %+v", aborted)
	}
	again := f.mustEvaluate(t, run, namedProposal(run, "cancel", orchestration.Failed))
	if again.Recorded || again.Written || again.Final == nil || again.Final.Verdict != orchestration.Accept {
		t.Errorf("a proposal of a name that was decided on: %+v", again)
	}
	stored := f.mustGet(t, run.ID)
	if len(stored.Decisions) != 2 || stored.State.Type != orchestration.Cancelling || stored.Decisions[0].Proposer != "alice" {
		t.Errorf("stored: %s, decisions %+v", stored.State.Type, stored.Decisions)
	}
	other := namedProposal(run, "other", orchestration.Failed)
	other.Object = "another object"
	if _, err := f.EvaluateProposal(t.Context(), run.ID, other); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("for another object of the id: error %v, want ErrNotFound", err)
	}
}

// A proposal is decided on once, for any lost answers and repetitions.
func TestEvaluateProposal_isDecidedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		run := f.mustCreate(t, inState(orchestration.Running), withRetries(1))
		store := f.faulty(rapid.SliceOfN(rapid.SampledFrom([]fault{noFault, answerLost, notDone, sentTwice, conflict}), 0, 4).Draw(t, "faults")...)
		states := 0
		store.Follow(func(before, after *flowrun.Run) {
			if before.State.ID != after.State.ID {
				states++
			}
		})
		p := namedProposal(run, "once", rapid.SampledFrom(orchestration.StateTypes).Draw(t, "type"))
		var first *taskrun.ProposalDecision
		for range 8 {
			evaluation, err := f.EvaluateProposal(t.Context(), run.ID, p)
			if errors.Is(err, taskrun.ErrUnavailable) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if evaluation.Final == nil {
				return // it waits
			}
			if first != nil && (first.Verdict != evaluation.Final.Verdict || first.StateID != evaluation.Final.StateID) {
				t.Fatalf("decided %+v and then %+v", first, evaluation.Final)
			}
			first = evaluation.Final
		}
		if states > 1 || len(f.mustGet(t, run.ID).Decisions) != 1 {
			t.Fatalf("%d states, decisions %+v", states, f.mustGet(t, run.ID).Decisions)
		}
	})
}
