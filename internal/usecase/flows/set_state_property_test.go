package flows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// proposer is a client that repeats what was not answered.
type proposer struct {
	service *flows.Service
	last    *taskrun.Proposal // nil: everything was answered
}

// scene has proposers of states for one run, whose writes fail in many ways.
type scene struct {
	*fixture
	store  *faultyStore
	run    *flowrun.Run
	states []string            // ids of the states that were written, in order
	wrote  map[string][]string // ids of the states that were written for a transition
	ids    int
}

func newScene(t *rapid.T) *scene {
	s := &scene{fixture: newFixture(t), wrote: map[string][]string{}}
	s.store = s.faulty()
	s.run = s.mustCreate(t, inState(orchestration.Running), withRetries(3))
	s.states = []string{s.run.State.ID}
	s.store.Follow(func(before, after *flowrun.Run) {
		if before.State.ID == after.State.ID {
			return
		}
		s.states = append(s.states, after.State.ID)
		if n := len(after.Answers); n > 0 && after.Answers[n-1].StateID == after.State.ID {
			id := after.Answers[n-1].TransitionID
			s.wrote[id] = append(s.wrote[id], after.State.ID)
		}
	})
	return s
}

// propose lets a proposer propose a state, or repeat its proposal.
func (s *scene) propose(t *rapid.T, who *proposer) {
	s.clock.Step(time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * time.Second)
	repeated := who.last != nil
	if !repeated {
		s.ids++
		who.last = new(proposal(rapid.SampledFrom(orchestration.StateTypes).Draw(t, "type"), transition(fmt.Sprintf("33333333-3333-4333-8333-%012d", s.ids))))
	}
	s.store.faults = rapid.SliceOfN(rapid.SampledFrom([]fault{noFault, answerLost, notDone, sentTwice, conflict}), 0, 2).Draw(t, "faults")
	before, written := s.mustGet(t, s.run.ID), len(s.states)
	outcome, err := who.service.SetState(t.Context(), s.run.ID, *who.last)
	after := s.mustGet(t, s.run.ID)
	id := who.last.Details.TransitionID
	switch {
	case errors.Is(err, taskrun.ErrUnavailable) && !errors.Is(err, taskrun.ErrConflict):
		return // it is repeated
	case err != nil:
		t.Fatalf("error %v, want none or ErrUnavailable", err)
	case outcome.Written != (len(s.states) == written+1):
		t.Fatalf("written %t, states %d before and %d after", outcome.Written, written, len(s.states))
	case outcome.Written && outcome.State.ID != after.State.ID:
		t.Fatalf("the answer has state %s, the run has %s", outcome.State.ID, after.State.ID)
	case repeated && outcome.Written && len(s.wrote[id]) > 1 && (before.State.Type != orchestration.Running || who.last.Type != orchestration.Running):
		t.Fatalf("%s was written again: %v", id, s.wrote[id])
	case repeated && len(s.wrote[id]) > 0 && !outcome.Written && outcome.State.ID != s.wrote[id][len(s.wrote[id])-1]:
		t.Fatalf("the repeated proposal got state %s, it wrote %s", outcome.State.ID, s.wrote[id])
	}
	who.last = nil
}

// check checks what holds at any time.
func (s *scene) check(t *rapid.T) {
	run := s.mustGet(t, s.run.ID)
	states := run.States()
	if len(states)+int(run.HistoryDropped) != len(s.states) || len(run.Answers) > flowrun.MaxAnswers {
		t.Fatalf("%d states and %d answers, want %d states", len(states), len(run.Answers), len(s.states))
	}
	for i := range states {
		if states[i].ID != s.states[len(s.states)-len(states)+i] {
			t.Fatalf("state %d is %s, want %v", i, states[i].ID, s.states)
		}
		if i > 0 && !states[i].Timestamp.After(states[i-1].Timestamp) {
			t.Fatalf("state %d is of %s, the one before of %s", i, states[i].Timestamp, states[i-1].Timestamp)
		}
	}
	if run.Finished() == run.EndRecorded.IsZero() {
		t.Fatalf("%s with its end recorded at %s", run.State.Type, run.EndRecorded)
	}
}

// Whatever proposers do, and however their writes fail: no answer is a conflict, and a
// proposal that is repeated gets the state that it led to. It leads to one, unless it
// starts a run that is RUNNING by another start (see replay).
func TestSetState_repeatedProposalsLeadToOneState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newScene(t)
		proposers := []*proposer{{service: s.Service}, {service: s.second()}, {service: s.second()}}
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			s.propose(t, rapid.SampledFrom(proposers).Draw(t, "who"))
			s.check(t)
		}
	})
}
