package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

func types(run *flowrun.Run) (list []string) {
	for _, state := range run.States() {
		list = append(list, string(state.Type))
	}
	return list
}

func TestSetState_storesLifeOfRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	f.clock.Step(time.Second)
	started := f.mustSet(t, run.ID, orchestration.Running)
	f.clock.Step(time.Second)
	ended := f.mustSet(t, run.ID, orchestration.Completed)
	if !started.Written || !ended.Written || ended.Status != orchestration.Accept || ended.State.ID != ended.Run.State.ID {
		t.Errorf("outcomes %+v, %+v, want two written states", started, ended)
	}
	got := f.mustGet(t, run.ID)
	if diff := cmp.Diff([]string{"PENDING", "RUNNING", "COMPLETED"}, types(got)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	end := start.Add(2 * time.Second)
	if got.RunCount != 1 || !got.StartTime.Equal(start.Add(time.Second)) || !got.EndTime.Equal(end) || !got.EndRecorded.Equal(end) || !got.Updated.Equal(end) {
		t.Errorf("run %+v, want one start after a second, and the end after two", got)
	}
	if diff := cmp.Diff([]string{" PENDING ACCEPT", "PENDING RUNNING ACCEPT", "RUNNING COMPLETED ACCEPT"}, f.told.list); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	state, holder, err := f.State(t.Context(), started.State.ID)
	if err != nil || state.Type != orchestration.Running || holder.ID != run.ID {
		t.Errorf("State() = %+v of %+v, error %v", state, holder, err)
	}
	if states, holder, err := f.States(t.Context(), run.ID); err != nil || len(states) != 3 || holder.ID != run.ID {
		t.Errorf("States() = %d of %+v, error %v, want 3", len(states), holder, err)
	}
	if _, _, err = f.States(t.Context(), unknownID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("States() of an unknown run: error %v, want ErrNotFound", err)
	}
}

func TestSetState_doesNotWriteWhatChangesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to orchestration.StateType
		edit     func(*taskrun.Proposal)
		want     orchestration.Status
	}{
		"ABORT":                   {from: orchestration.Running, to: orchestration.Pending, want: orchestration.Abort},
		"REJECT without a state":  {from: orchestration.Cancelling, to: orchestration.Running, want: orchestration.Reject},
		"WAIT":                    {from: orchestration.Scheduled, to: orchestration.Running, want: orchestration.Wait},
		"what could not be read":  {from: orchestration.Running, to: orchestration.Completed, want: orchestration.Abort, edit: func(p *taskrun.Proposal) { p.Fault = "dataJSON: no JSON" }},
		"a transition ID besides": {from: orchestration.Running, to: orchestration.Pending, want: orchestration.Abort, edit: transition(firstID)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			due := start.Add(time.Minute)
			run := f.mustCreate(t, inState(tc.from, func(p *taskrun.Proposal) {
				if tc.from == orchestration.Scheduled {
					p.Details.ScheduledTime = &due
				}
			}))
			store := f.faulty()
			edit := tc.edit
			if edit == nil {
				edit = func(*taskrun.Proposal) {}
			}
			outcome := f.mustSet(t, run.ID, tc.to, edit)
			if outcome.Status != tc.want || outcome.Written || outcome.State.ID != run.State.ID || store.writes != 0 {
				t.Errorf("outcome %+v after %d writes, want %s and the current state", outcome, store.writes, tc.want)
			}
			if tc.want == orchestration.Wait && outcome.Delay != time.Minute {
				t.Errorf("delay %s, want a minute", outcome.Delay)
			}
			if got := f.mustGet(t, run.ID); len(got.Answers) != 0 || len(f.told.list) != 1 {
				t.Errorf("answers %v, notifications %v, want nothing new", got.Answers, f.told.list)
			}
		})
	}
}

func TestSetState_isNotFoundOfUnknownRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, err := f.SetState(t.Context(), unknownID, proposal(orchestration.Running)); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

func TestSetState_forceSkipsRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running), withRetries(3))
	if outcome := f.mustSet(t, run.ID, orchestration.Failed, forced); !outcome.Written || outcome.State.Type != orchestration.Failed {
		t.Errorf("outcome %+v, want FAILED", outcome)
	}
}

// A FAILED whose answer was lost is sent again. Prefect accepts the second one, and the
// retry is lost (flows contract §9.4).
func TestSetState_repeatedProposalGetsSameAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running), withRetries(3))
	store := f.faulty(answerLost)
	failed := proposal(orchestration.Failed, transition(firstID))
	if _, err := f.SetState(t.Context(), run.ID, failed); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	for range 2 {
		again, err := f.SetState(t.Context(), run.ID, failed)
		if err != nil || again.Written || again.Status != orchestration.Reject || again.Reason != "Retrying" || again.State.Name != orchestration.NameAwaitingRetry {
			t.Fatalf("the repeated proposal: %+v, error %v, want REJECT with AwaitingRetry", again, err)
		}
	}
	if got := f.mustGet(t, run.ID); store.writes != 1 || len(got.History) != 1 || got.State.Type != orchestration.Scheduled {
		t.Errorf("after %d writes, states %v, want one AwaitingRetry", store.writes, types(got))
	}
	next, err := f.SetState(t.Context(), run.ID, proposal(orchestration.Running, transition(secondID)))
	if err != nil || next.State.Type != orchestration.Running {
		t.Fatalf("the retry: %+v, error %v, want RUNNING", next, err)
	}
	late, err := f.SetState(t.Context(), run.ID, failed)
	if err != nil || late.Written || late.Status != orchestration.Reject || late.State.Name != orchestration.NameAwaitingRetry || late.Run.State.Type != orchestration.Running {
		t.Errorf("a late repetition: %+v, error %v, want the first answer", late, err)
	}
}

// An end that was accepted is not accepted again after the run was started anew.
func TestSetState_repeatedEndDoesNotEndNextAttempt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	f.mustSet(t, run.ID, orchestration.Failed, transition(firstID))
	f.mustSet(t, run.ID, orchestration.Running, transition(secondID))
	if again := f.mustSet(t, run.ID, orchestration.Failed, transition(firstID), forced); again.Written || again.Status != orchestration.Accept {
		t.Errorf("by force: outcome %+v, want ACCEPT as before", again)
	}
	again := f.mustSet(t, run.ID, orchestration.Failed, transition(firstID))
	if again.Written || again.Status != orchestration.Accept || again.State.Type != orchestration.Failed || again.Run.State.Type != orchestration.Running {
		t.Errorf("outcome %+v, want ACCEPT as before, and the run RUNNING", again)
	}
}

// These are the steps of the recorded scenario transition-id.
func TestSetState_currentTransitionIsRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := make([]string, 4)
	for i := range ids {
		ids[i] = fmt.Sprintf("33333333-3333-4333-8333-33333333333%d", i)
	}
	run := f.mustCreate(t, inState(orchestration.Pending, transition(ids[0])))
	const already = "This run has already made this state transition."
	for i, step := range []struct {
		kind       orchestration.StateType
		transition string
		force      bool
		want       orchestration.Status
		wantReason string
	}{
		{orchestration.Running, ids[0], false, orchestration.Reject, already},
		{orchestration.Running, ids[1], false, orchestration.Accept, ""},
		{orchestration.Running, ids[1], false, orchestration.Reject, already},
		{orchestration.Failed, ids[1], false, orchestration.Reject, already},
		{orchestration.Running, ids[2], false, orchestration.Accept, ""},
		{orchestration.Running, ids[1], false, orchestration.Accept, ""},
		{orchestration.Running, "", false, orchestration.Accept, ""},
		{orchestration.Completed, ids[3], false, orchestration.Accept, ""},
		{orchestration.Completed, ids[3], false, orchestration.Reject, already},
		{orchestration.Completed, ids[3], true, orchestration.Accept, ""},
	} {
		outcome := f.mustSet(t, run.ID, step.kind, transition(step.transition), func(p *taskrun.Proposal) { p.Force = step.force })
		if outcome.Status != step.want || outcome.Reason != step.wantReason || outcome.Written != (step.want == orchestration.Accept) {
			t.Errorf("step %d: %+v, want %s %q", i, outcome, step.want, step.wantReason)
		}
	}
	if got := f.mustGet(t, run.ID); got.RunCount != 4 || len(got.States()) != 7 {
		t.Errorf("run count %d, states %v, want 4 and 7 of them", got.RunCount, types(got))
	}
}

func TestSetState_keepsLatestAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	id := func(i int) string { return fmt.Sprintf("33333333-3333-4333-8333-3333333333%02d", i) }
	for i := range 3 * flowrun.MaxAnswers {
		f.clock.Step(time.Millisecond)
		f.mustSet(t, run.ID, orchestration.Running, transition(id(i)))
	}
	answers := f.mustGet(t, run.ID).Answers
	if len(answers) != flowrun.MaxAnswers || answers[0].TransitionID != id(2*flowrun.MaxAnswers) || answers[len(answers)-1].TransitionID != id(3*flowrun.MaxAnswers-1) {
		t.Errorf("%d answers, the first to %s, want the latest %d", len(answers), answers[0].TransitionID, flowrun.MaxAnswers)
	}
}

// The state of an answer can fall off the history.
func TestSetState_repeatedProposalWithoutItsStateGetsCurrentOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running), withRetries(1000))
	f.mustSet(t, run.ID, orchestration.Failed, transition(firstID))
	for range taskrun.MaxHistory + 1 {
		f.mustSet(t, run.ID, orchestration.Running)
	}
	again := f.mustSet(t, run.ID, orchestration.Failed, transition(firstID))
	if again.Written || again.Status != orchestration.Reject || again.State.ID != again.Run.State.ID {
		t.Errorf("outcome %+v, want REJECT with the current state", again)
	}
}

func TestSetState_neverReturnsConflict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			faults     []fault
			wantErr    error
			wantWrites int
		}{
			"lost to others, then won":      {faults: slices.Repeat([]fault{conflict}, 39), wantWrites: 40},
			"lost every time":               {faults: slices.Repeat([]fault{conflict}, 100), wantErr: taskrun.ErrUnavailable, wantWrites: 40},
			"in conflict with itself":       {faults: []fault{sentTwice}, wantWrites: 1},
			"in conflict with itself later": {faults: []fault{conflict, sentTwice}, wantWrites: 2},
			"the store fails":               {faults: []fault{notDone}, wantErr: taskrun.ErrUnavailable, wantWrites: 1},
		} {
			f := newFixture(t)
			run := f.mustCreate(t)
			store := f.faulty(tt.faults...)
			outcome, err := f.SetState(t.Context(), run.ID, proposal(orchestration.Running))
			if !errors.Is(err, tt.wantErr) || errors.Is(err, taskrun.ErrConflict) || store.writes != tt.wantWrites || outcome.Written != (tt.wantErr == nil) {
				t.Errorf("%s: written %t after %d writes, error %v, want %d, %v", name, outcome.Written, store.writes, err, tt.wantWrites, tt.wantErr)
			}
			want := 2
			if tt.wantErr != nil {
				want = 1
			}
			if got := f.mustGet(t, run.ID); len(got.States()) != want || len(f.told.list) != want {
				t.Errorf("%s: states %v, notifications %v, want %d of each", name, types(got), f.told.list, want)
			}
		}
	})
}

// outdatedStore returns the versions of runs that another replica has replaced.
type outdatedStore struct {
	flowrun.Store
	cached map[string]*flowrun.Run
}

func (s outdatedStore) Get(ctx context.Context, id string) (*flowrun.Run, error) {
	if run := s.cached[id]; run != nil {
		return run, nil
	}
	return s.Store.Get(ctx, id)
}

// A client that was told PAUSED by one replica must not hear from another one that the run
// cannot be resumed.
func TestSetState_confirmsRejectionsPastCache(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	stale := f.mustGet(t, run.ID)
	f.mustSet(t, run.ID, orchestration.Paused)
	f.Store = outdatedStore{f.store, map[string]*flowrun.Run{run.ID: stale}}
	resumed, err := f.Resume(t.Context(), run.ID, nil)
	if err != nil || !resumed.Written || resumed.State.Type != orchestration.Running {
		t.Errorf("Resume() = %+v, error %v, want RUNNING", resumed, err)
	}
	f.mustSet(t, run.ID, orchestration.Failed, forced)
	if outcome := f.mustSet(t, run.ID, orchestration.Pending); outcome.Status != orchestration.Accept {
		t.Errorf("FAILED to PENDING: %+v, want ACCEPT though the cache has RUNNING", outcome)
	}
}

func TestSetState_concurrentProposalsAreAllInHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	replicas := []*flows.Service{f.Service, f.second()}
	const writers = 20
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			outcome, err := replicas[i%2].SetState(t.Context(), run.ID, proposal(orchestration.Running, transition(fmt.Sprintf("33333333-3333-4333-8333-3333333333%02d", i))))
			if err != nil || !outcome.Written {
				t.Errorf("SetState() = %+v, error %v, want a written state", outcome, err)
			}
		})
	}
	all.Wait()
	got := f.mustGet(t, run.ID)
	if got.RunCount != writers || len(got.States()) != writers+1 || len(f.told.list) != writers+1 {
		t.Errorf("run count %d, %d states, %d notifications, want %d more", got.RunCount, len(got.States()), len(f.told.list), writers)
	}
}

func TestSetState_truncatesTexts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	for i := range 2 * taskrun.MaxHistory {
		message := fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000))
		f.mustSet(t, run.ID, orchestration.Running, func(p *taskrun.Proposal) { p.Message = &message })
	}
	got := f.mustGet(t, run.ID)
	if len(got.History) != taskrun.MaxHistory || got.HistoryDropped != taskrun.MaxHistory || got.State.Message == nil || got.History[0].Message != nil {
		t.Errorf("history of %d, %d dropped, want %d of each, with messages of the latest", len(got.History), got.HistoryDropped, taskrun.MaxHistory)
	}
	long := json.RawMessage(`"` + strings.Repeat("d", taskrun.MaxData) + `"`)
	outcome := f.mustSet(t, run.ID, orchestration.Completed, func(p *taskrun.Proposal) { p.Data = long })
	if outcome.State.Data != nil || !strings.Contains(*outcome.State.Message, "[data cut, 8194 characters in all]") {
		t.Errorf("state %+v, want a mark in place of the data", outcome.State)
	}
}

func TestSetState_setsExpirationOfFinishedRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running), func(in *flowrun.NewRun) { in.Run.TTL = new(time.Minute) })
	f.mustSet(t, run.ID, orchestration.Failed)
	if got := f.mustGet(t, run.ID); got.ExpirationTime == nil || !got.ExpirationTime.Equal(start.Add(time.Minute)) {
		t.Errorf("expiration %v, want a minute after the end", got.ExpirationTime)
	}
	f.mustSet(t, run.ID, orchestration.Running)
	if got := f.mustGet(t, run.ID); got.ExpirationTime != nil || !got.EndRecorded.IsZero() {
		t.Errorf("expiration %v, end %s, want none: it runs again", got.ExpirationTime, got.EndRecorded)
	}
}
