package usecase_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// evaluating has one run, and the use cases on it.
type evaluating struct {
	*usecase.Service
	clock *testingclock.FakeClock
	run   *taskrun.Run
}

func newEvaluating(t *testing.T, initial taskrun.Proposal, change func(*taskrun.Run)) *evaluating {
	t.Helper()
	store := memory.New()
	s, clock := newService(store)
	if change == nil {
		change = func(*taskrun.Run) {}
	}
	return &evaluating{Service: s, clock: clock, run: applied(t, store, initial, change)}
}

// named returns a proposal of this name for the run.
func (e *evaluating) named(name string, kind orchestration.StateType) taskrun.NamedProposal {
	return taskrun.NamedProposal{
		Proposal: taskrun.Proposal{Type: kind}, Name: name, UID: "uid-of-" + name, Object: e.run.Ref.UID, Proposer: "alice",
	}
}

func (e *evaluating) evaluate(t *testing.T, p taskrun.NamedProposal) usecase.Evaluation {
	t.Helper()
	evaluation, err := e.EvaluateProposal(t.Context(), e.run.ID, p)
	if err != nil {
		t.Fatalf("EvaluateProposal(%s): %v", p.Name, err)
	}
	return evaluation
}

// stored returns the stored run.
func (e *evaluating) stored(t *testing.T) *taskrun.Run {
	t.Helper()
	run, err := e.Get(t.Context(), e.run.ID)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (e *evaluating) states(t *testing.T) (types []orchestration.StateType) {
	t.Helper()
	run := e.stored(t)
	for _, state := range run.States() {
		types = append(types, state.Type)
	}
	return types
}

func TestEvaluateProposal_evaluatesProposalOnce(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		initial     orchestration.StateType
		change      func(*taskrun.Run)
		propose     func(*taskrun.NamedProposal)
		wantVerdict orchestration.Status
		wantReason  string
		wantStates  []orchestration.StateType
	}{
		"an accepted one changes the state": {
			initial: orchestration.Pending, wantVerdict: orchestration.Accept,
			wantStates: []orchestration.StateType{orchestration.Pending, orchestration.Cancelled},
		},
		"an aborted one is recorded with its reason": {
			initial:     orchestration.Completed,
			propose:     func(p *taskrun.NamedProposal) { p.Type = orchestration.Cancelling },
			wantVerdict: orchestration.Abort, wantReason: "Run is already COMPLETED.",
			wantStates: []orchestration.StateType{orchestration.Completed},
		},
		"a rejected one is recorded with the state that replaced it": {
			initial: orchestration.Running, change: func(r *taskrun.Run) { r.Policy.Retries, r.RunCount = "1", 1 },
			propose:     func(p *taskrun.NamedProposal) { p.Type = orchestration.Failed },
			wantVerdict: orchestration.Reject, wantReason: "Retrying",
			wantStates: []orchestration.StateType{orchestration.Running, orchestration.Scheduled},
		},
		"a forced one skips the rules": {
			initial: orchestration.Completed, propose: func(p *taskrun.NamedProposal) { p.Type, p.Force = orchestration.Pending, true },
			wantVerdict: orchestration.Accept,
			wantStates:  []orchestration.StateType{orchestration.Completed, orchestration.Pending},
		},
		"one for the current state is evaluated": {
			initial: orchestration.Pending, propose: func(p *taskrun.NamedProposal) { p.IfStateID = "0198a1b2-0000-7000-8000-0000000000aa" },
			wantVerdict: orchestration.Accept,
			wantStates:  []orchestration.StateType{orchestration.Pending, orchestration.Cancelled},
		},
		"one for another state is aborted even if forced": {
			initial: orchestration.Pending,
			propose: func(p *taskrun.NamedProposal) {
				p.IfStateID, p.Force = "0198a1b2-0000-7000-8000-0000000000bb", true
			},
			wantVerdict: orchestration.Abort,
			wantReason:  "The run is no longer in the state that ifStateID names, but in 0198a1b2-0000-7000-8000-0000000000aa (PENDING).",
			wantStates:  []orchestration.StateType{orchestration.Pending},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEvaluating(t, taskrun.Proposal{Type: tc.initial}, tc.change)
			p := e.named("cancel-1", orchestration.Cancelled)
			if tc.propose != nil {
				tc.propose(&p)
			}
			first := e.evaluate(t, p)
			if !first.Recorded || first.Written != (len(tc.wantStates) > 1) || first.Before.Type != tc.initial {
				t.Errorf("recorded %v, written %v, before %v", first.Recorded, first.Written, first.Before)
			}
			want := taskrun.ProposalDecision{
				Proposal: "cancel-1", UID: "uid-of-cancel-1", Verdict: tc.wantVerdict, Reason: tc.wantReason, Proposer: "alice",
			}
			got := *first.Final
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(taskrun.ProposalDecision{}, "EvaluatedAt", "StateID")); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if id := e.stored(t).State.ID; first.Written != (got.StateID == id) {
				t.Errorf("decision names state %q, written %v, the run is in %s", got.StateID, first.Written, id)
			}
			// A user changed the state of the run: a proposal of the same name is
			// not evaluated again.
			e.mustForce(t, orchestration.Pending)
			again := e.evaluate(t, p)
			if diff := cmp.Diff(&got, again.Final); diff != "" || again.Recorded || again.Written {
				t.Errorf("second evaluation: recorded %v, written %v, decision (-first +second):\n%s", again.Recorded, again.Written, diff)
			}
			if diff := cmp.Diff(append(tc.wantStates, orchestration.Pending), e.states(t)); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

func (e *evaluating) mustForce(t *testing.T, kind orchestration.StateType) {
	t.Helper()
	mustSet(t, e.Service, e.run.ID, taskrun.Proposal{Type: kind, Force: true})
}

func TestEvaluateProposal_evaluatesNameOnceForAllUIDs(t *testing.T) {
	t.Parallel()
	e := newEvaluating(t, taskrun.Proposal{Type: orchestration.Pending}, nil)
	p := e.named("start", orchestration.Running)
	e.evaluate(t, p)
	p.UID, p.Type = "another", orchestration.Cancelled
	again := e.evaluate(t, p)
	if again.Recorded || again.Final.UID != "uid-of-start" || e.stored(t).State.Type != orchestration.Running {
		t.Errorf("the name was evaluated again: %+v", again.Final)
	}
	if other := e.evaluate(t, e.named("cancel", orchestration.Cancelled)); !other.Recorded || !other.Written {
		t.Errorf("another name was not evaluated: %+v", other.Final)
	}
}

func TestEvaluateProposal_keepsLimitedNumberOfDecisions(t *testing.T) {
	t.Parallel()
	e := newEvaluating(t, taskrun.Proposal{Type: orchestration.Pending}, nil)
	first := e.evaluate(t, e.named("first", orchestration.Running))
	long := e.named("long", orchestration.Cancelled)
	long.Proposer, long.IfStateID = strings.Repeat("a", 256), "0198a1b2-0000-7000-8000-0000000000bb"
	for i := range 2 * taskrun.MaxDecisions {
		long.Name = fmt.Sprintf("p-%d", i)
		e.evaluate(t, long)
	}
	run := e.stored(t)
	if n := len(run.Decisions); n != taskrun.MaxDecisions {
		t.Errorf("there are %d decisions, want %d", n, taskrun.MaxDecisions)
	}
	if last := run.Decisions[len(run.Decisions)-1]; last.Proposal != long.Name || len([]rune(last.Proposer)) > taskrun.MaxProposer {
		t.Errorf("the last decision is %+v", last)
	}
	// The first decision is no longer recorded: it is derived from the history.
	again := e.evaluate(t, e.named("first", orchestration.Running))
	if again.Recorded || again.Final.Verdict != orchestration.Accept || again.Final.StateID != first.Final.StateID {
		t.Errorf("a proposal that is only in the history: recorded %v, decision %+v", again.Recorded, again.Final)
	}
	if diff := cmp.Diff([]orchestration.StateType{orchestration.Pending, orchestration.Running}, e.states(t)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestEvaluateProposal_doesNotRecordWait(t *testing.T) {
	t.Parallel()
	due := start.Add(5 * time.Second)
	scheduled := taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{ScheduledTime: &due}}
	e := newEvaluating(t, scheduled, nil)
	before := e.stored(t).Ref
	p := e.named("start", orchestration.Running)
	for range 2 {
		got := e.evaluate(t, p)
		if got.Final != nil || got.Recorded || got.Decision.Status != orchestration.Wait || got.Decision.Delay != 5*time.Second {
			t.Errorf("evaluation = %+v, want a wait of 5s", got)
		}
	}
	if after := e.stored(t); after.Ref != before || after.Decisions != nil {
		t.Errorf("a wait was written: %+v", after.Decisions)
	}
	e.clock.Step(5 * time.Second)
	if got := e.evaluate(t, p); !got.Recorded || e.stored(t).State.Type != orchestration.Running {
		t.Errorf("when due: %+v, want RUNNING", got.Final)
	}
}

// The clocks of workers and of other replicas do not affect whether a run finished
// before or after the proposal waited.
func TestEvaluateProposal_abortsWaitWhenRunFinishes(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"right": 0, "behind": -time.Hour, "ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEvaluating(t, taskrun.Proposal{Type: orchestration.Cancelled}, func(r *taskrun.Run) {
				r.State.Timestamp, r.EndRecorded = r.State.Timestamp.Add(skew), r.EndRecorded.Add(skew)
			})
			p := e.named("start", orchestration.Running)
			p.WaitingStateID = "0198a1b2-0000-7000-8000-0000000000dd"
			if got := e.evaluate(t, p).Final; got.Verdict != orchestration.Abort || got.Reason == "" {
				t.Errorf("the run finished while the proposal waited: %+v, want ABORT", got)
			}
			p = e.named("start-again", orchestration.Running)
			p.WaitingStateID = e.run.State.ID
			if got := e.evaluate(t, p).Final; got.Verdict != orchestration.Accept {
				t.Errorf("the run finished before the proposal waited: %+v, want ACCEPT", got)
			}
		})
	}
}

func TestEvaluateProposal_appliesToOneObject(t *testing.T) {
	t.Parallel()
	e := newEvaluating(t, taskrun.Proposal{Type: orchestration.Pending}, nil)
	p := e.named("cancel", orchestration.Cancelled)
	p.Object = "another object that had this id"
	if _, err := e.EvaluateProposal(t.Context(), e.run.ID, p); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("error = %v, want %v", err, taskrun.ErrNotFound)
	}
	if diff := cmp.Diff([]orchestration.StateType{orchestration.Pending}, e.states(t)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestEvaluateProposal_truncatesAsOverREST(t *testing.T) {
	t.Parallel()
	e := newEvaluating(t, taskrun.Proposal{Type: orchestration.Running}, nil)
	p := e.named("end", orchestration.Completed)
	p.Message = new(strings.Repeat("m", 2*taskrun.MaxMessage))
	p.Data = json.RawMessage(`"` + strings.Repeat("d", 2*taskrun.MaxData) + `"`)
	if got := e.evaluate(t, p); !got.Written {
		t.Fatalf("decision = %+v", got.Final)
	}
	if state := e.stored(t).State; state.Data != nil || len([]rune(*state.Message)) > taskrun.MaxMessage {
		t.Errorf("%d of data and %d of a message are kept", len(state.Data), len([]rune(*state.Message)))
	}
}

func TestEvaluateProposal_concurrentProposalsAllGetVerdict(t *testing.T) {
	t.Parallel()
	e := newEvaluating(t, taskrun.Proposal{Type: orchestration.Pending}, nil)
	const people = taskrun.MaxDecisions
	var all sync.WaitGroup
	for i := range people {
		p := e.named(fmt.Sprintf("p-%d", i), orchestration.Cancelled)
		p.IfStateID = e.run.State.ID
		for range 2 { // two replicas evaluate each proposal
			all.Go(func() {
				if got, err := e.EvaluateProposal(t.Context(), e.run.ID, p); err != nil || got.Final == nil {
					t.Errorf("evaluation = %+v, error %v", got, err)
				}
			})
		}
	}
	all.Wait()
	verdicts := map[orchestration.Status]int{}
	for _, d := range e.stored(t).Decisions {
		verdicts[d.Verdict]++
	}
	if verdicts[orchestration.Accept] != 1 || len(e.stored(t).Decisions) != people {
		t.Errorf("verdicts = %v, want %d, one of them an accepted one", verdicts, people)
	}
	if n := len(e.states(t)); n != 2 {
		t.Errorf("there are %d states, want 2", n)
	}
}

// overtakenStore lets another program write first, once.
type overtakenStore struct {
	taskrun.Store
	first func()
}

func (s *overtakenStore) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if first := s.first; first != nil {
		s.first = nil
		first()
	}
	return s.Store.UpdateProgress(ctx, run)
}

func TestEvaluateProposal_returnsRecordedVerdictOfFasterReplica(t *testing.T) {
	t.Parallel()
	store := memory.New()
	run := applied(t, store, taskrun.Proposal{Type: orchestration.Running}, func(*taskrun.Run) {})
	p := taskrun.NamedProposal{
		Proposal: taskrun.Proposal{Type: orchestration.Cancelled}, Name: "cancel", UID: "u", Object: run.Ref.UID,
	}
	other, _ := newService(store)
	overtaken := &overtakenStore{Store: store}
	s, clock := newService(overtaken)
	clock.Step(5 * time.Minute)
	var first usecase.Evaluation
	overtaken.first = func() {
		var err error
		if first, err = other.EvaluateProposal(t.Context(), run.ID, p); err != nil {
			t.Error(err)
		}
	}
	second, err := s.EvaluateProposal(t.Context(), run.ID, p)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Recorded || second.Recorded || second.Written {
		t.Errorf("recorded %v and %v, written %v, want the first alone", first.Recorded, second.Recorded, second.Written)
	}
	if diff := cmp.Diff(first.Final, second.Final); diff != "" {
		t.Errorf("decision (-recorded +returned):\n%s", diff)
	}
}
