//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func sortedRunIDs(runs iter.Seq[*flowrun.Run]) (ids []string) {
	for run := range runs {
		ids = append(ids, run.ID)
	}
	slices.Sort(ids)
	return ids
}

func testFlowRun(t *testing.T, s flowrun.Store) {
	for n, want := range []*flowrun.Run{
		begunFlowRun(1, orchestration.Pending, nil),
		begunFlowRun(2, orchestration.Scheduled, enrichFlowRun),
		begunFlowRun(3, orchestration.Running, nil),
		begunFlowRun(4, orchestration.Completed, nil),
	} {
		created := mustCreateFlowRun(t, s, want)
		got, err := s.Get(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		useEndOf(want, created)
		for what, got := range map[string]*flowrun.Run{"Create": created, "Get": got} {
			if diff := differFlowRuns(want, got); diff != "" {
				t.Errorf("run %d: %s (-want +got):\n%s", n, what, diff)
			}
		}
		state, holder, err := s.State(t.Context(), want.State.ID)
		if err != nil || holder.ID != want.ID || cmp.Diff(want.State, state) != "" {
			t.Errorf("run %d: State(), error %v (-want +got):\n%s", n, err, cmp.Diff(want.State, state))
		}
	}
}

// useEndOf sets the record of the end of a run to that of the store, which has a clock of
// its own.
func useEndOf(want, created *flowrun.Run) {
	if !want.EndRecorded.IsZero() && created.EndRecorded.After(want.EndRecorded) {
		want.EndRecorded = created.EndRecorded
	}
}

func testFlowRunTaken(t *testing.T, s flowrun.Store) {
	first := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, enrichFlowRun))
	sameID := begunFlowRun(1, orchestration.Running, nil)
	sameKey := begunFlowRun(2, orchestration.Running, func(run *flowrun.Run) { run.IdempotencyKey = first.IdempotencyKey })
	for what, run := range map[string]*flowrun.Run{"id": sameID, "key": sameKey} {
		existing, err := s.Create(t.Context(), run)
		if !errors.Is(err, taskrun.ErrExists) || differFlowRuns(first, existing) != "" {
			t.Errorf("Create() with the same %s: error %v, want ErrExists and the first run (-first +existing):\n%s", what, err, differFlowRuns(first, existing))
		}
	}
	mustCreateFlowRun(t, s, begunFlowRun(3, orchestration.Pending, func(run *flowrun.Run) {
		run.FlowID, run.IdempotencyKey = flowOf(2).ID, first.IdempotencyKey
	}))
	if err := s.Delete(t.Context(), first.ID, nil); err != nil {
		t.Fatal(err)
	}
	mustCreateFlowRun(t, s, sameKey)
}

func testUpdateFlowRun(t *testing.T, s flowrun.Store) {
	run := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Running, nil))
	next := movedFlowRun(run, stateID(20), orchestration.Paused)
	next = movedFlowRun(next, stateID(21), orchestration.Failed)
	var rich flowrun.Run
	enrichFlowRun(&rich)
	next.Editable = rich.Editable
	next.Labels = map[string]json.RawMessage{"n": json.RawMessage("true")}
	next.PauseKeys, next.Resuming, next.RetryType, next.NonCountingAttempts = []string{"a", "b"}, true, orchestration.RetryInProcess, 2
	next.RecordAnswer(flowrun.Answer{TransitionID: runID(30), Status: orchestration.Reject, Reason: "Retrying", StateID: stateID(20)})
	next.RecordAnswer(flowrun.Answer{TransitionID: runID(31), Status: orchestration.Accept, StateID: stateID(21)})
	next.Decisions = []taskrun.ProposalDecision{{
		Proposal: "p", UID: "uid", Verdict: orchestration.Accept, Proposer: "me", EvaluatedAt: start.Add(time.Second), StateID: stateID(20),
	}}
	next.ExpirationTime = new(start.Add(time.Hour))
	want := *next
	next.FlowID, next.ID = flowOf(2).ID, run.ID // what cannot be changed
	updated := mustUpdateFlowRun(t, s, next)
	got, err := s.Get(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]*flowrun.Run{"Update": updated, "Get": got} {
		if diff := differFlowRuns(&want, got); diff != "" || got.StatusStale {
			t.Errorf("%s: stale %t (-want +got):\n%s", what, got.StatusStale, diff)
		}
	}
	for _, want := range want.States() {
		if state, _, err := s.State(t.Context(), want.ID); err != nil || state.Type != want.Type {
			t.Errorf("State(%s) = %+v, error %v, want %s", want.ID, state, err, want.Type)
		}
	}
}

func testStaleFlowRun(t *testing.T, s flowrun.Store) {
	old := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil))
	current := mustUpdateFlowRun(t, s, movedFlowRun(old, stateID(20), orchestration.Running))
	if _, err := s.Update(t.Context(), movedFlowRun(old, stateID(21), orchestration.Failed)); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("Update(): error %v, want ErrConflict", err)
	}
	if again, err := s.Reload(t.Context(), old); err != nil || again.State.ID != current.State.ID {
		t.Errorf("Reload() = %+v, error %v, want the current version", again, err)
	}
}

func testDeleteFlowRun(t *testing.T, s flowrun.Store) {
	run := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil))
	if err := s.CreateInput(t.Context(), &flowrun.Input{ID: runID(30), Created: start, RunID: run.ID, Key: "k", Value: "v"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), run.ID, nil); err != nil {
		t.Fatal(err)
	}
	_, got := s.Get(t.Context(), run.ID)
	_, updated := s.Update(t.Context(), movedFlowRun(run, stateID(20), orchestration.Running))
	_, _, state := s.State(t.Context(), run.State.ID)
	_, input := s.Input(t.Context(), run.ID, "k")
	for name, err := range map[string]error{"Get": got, "Update": updated, "State": state, "Input": input, "Delete": s.Delete(t.Context(), run.ID, nil)} {
		if !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", name, err)
		}
	}
}

// A version that was replaced is not deleted, and nor is the next one.
func testDeleteFlowRunVersion(t *testing.T, s flowrun.Store) {
	run := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Running, nil))
	moved, err := s.Update(t.Context(), movedFlowRun(run, stateID(20), orchestration.Failed))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), run.ID, &run.Ref); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("Delete() of an earlier version: error %v, want ErrConflict", err)
	}
	if err := s.Delete(t.Context(), run.ID, &moved.Ref); err != nil {
		t.Errorf("Delete() of the current version: %v", err)
	}
	if _, err := s.Get(t.Context(), run.ID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Get() after Delete(): error %v, want ErrNotFound", err)
	}
}

func testFlowRunAgain(t *testing.T, s flowrun.Store) {
	old := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Running, nil))
	if err := s.Delete(t.Context(), old.ID, nil); err != nil {
		t.Fatal(err)
	}
	again := begunFlowRun(1, orchestration.Pending, nil)
	again.State.ID = stateID(40)
	mustCreateFlowRun(t, s, again)
	if _, err := s.Reload(t.Context(), old); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Reload() of the old run: error %v, want ErrNotFound", err)
	}
	if _, err := s.Update(t.Context(), movedFlowRun(old, stateID(41), orchestration.Failed)); !errors.Is(err, taskrun.ErrConflict) && !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Update() of the old run: error %v, want ErrConflict or ErrNotFound", err)
	}
	if got, err := s.Get(t.Context(), again.ID); err != nil || got.State.ID != stateID(40) || len(got.History) != 0 {
		t.Errorf("Get() = %+v, error %v, want the new run", got, err)
	}
}

func testSubflow(t *testing.T, s flowrun.Store) {
	of := func(at time.Duration) func(*flowrun.Run) {
		return func(run *flowrun.Run) { run.ParentTaskRunID, run.Created = runID(900), start.Add(at) }
	}
	mustCreateFlowRun(t, s, begunFlowRun(3, orchestration.Pending, of(0)))
	mustCreateFlowRun(t, s, begunFlowRun(2, orchestration.Pending, of(time.Second)))
	mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil))
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := snapshot.Subflow(runID(900)); got == nil || got.ID != runID(2) {
		t.Errorf("Subflow() = %+v, want the one that was created last", got)
	}
	if got := snapshot.Subflow(runID(901)); got != nil {
		t.Errorf("Subflow() of another task run = %+v, want none", got)
	}
}

func testFollowFlowRuns(t *testing.T, s flowrun.Store) {
	mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil))
	var mu sync.Mutex
	var changes []string
	describe := func(run *flowrun.Run) string {
		if run == nil {
			return "none"
		}
		return string(run.State.Type)
	}
	now, stop := s.Follow(func(before, after *flowrun.Run) {
		mu.Lock()
		defer mu.Unlock()
		changes = append(changes, describe(before)+" "+describe(after))
	})
	if got := sortedRunIDs(now); !slices.Equal(got, []string{runID(1)}) {
		t.Errorf("Follow() returns %v, want the run that is there", got)
	}
	run := mustCreateFlowRun(t, s, begunFlowRun(2, orchestration.Pending, nil))
	mustUpdateFlowRun(t, s, movedFlowRun(run, stateID(20), orchestration.Running))
	if err := s.Delete(t.Context(), run.ID, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"none PENDING", "PENDING RUNNING", "RUNNING none"}
	eventually(t, "the changes are passed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Equal(changes, want)
	})
	stop()
	mustCreateFlowRun(t, s, begunFlowRun(3, orchestration.Pending, nil))
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes after stop (-want +got):\n%s", diff)
	}
}

func testInputs(t *testing.T, s flowrun.Store) {
	run, other := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil)), mustCreateFlowRun(t, s, begunFlowRun(2, orchestration.Pending, nil))
	want := mustCreateInputs(t, s, run.ID, "b", "a", "C-1")
	if err := s.CreateInput(t.Context(), want[0]); !errors.Is(err, taskrun.ErrExists) {
		t.Errorf("CreateInput() again: error %v, want ErrExists", err)
	}
	wantInputs(t, s, run.ID, want)
	if in, err := s.Input(t.Context(), run.ID, "C-1"); err != nil || cmp.Diff(want[2], in) != "" {
		t.Errorf("Input(), error %v (-want +got):\n%s", err, cmp.Diff(want[2], in))
	}
	if _, err := s.Input(t.Context(), other.ID, "a"); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Input() of another run: error %v, want ErrNotFound", err)
	}
	if err := s.DeleteInput(t.Context(), run.ID, "a"); err != nil {
		t.Fatal(err)
	}
	wantInputs(t, s, run.ID, []*flowrun.Input{want[0], want[2]})
}

// mustCreateInputs creates inputs a second apart. The last one has a sender.
func mustCreateInputs(t *testing.T, s flowrun.Store, run string, keys ...string) []*flowrun.Input {
	t.Helper()
	var created []*flowrun.Input
	for i, key := range keys {
		in := &flowrun.Input{ID: runID(30 + i), Created: start.Add(time.Duration(i) * time.Second), RunID: run, Key: key, Value: "\n ü\x01" + key}
		if i == len(keys)-1 {
			in.Sender = new("prefect.flow-run.x")
		}
		if err := s.CreateInput(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		created = append(created, in)
	}
	return created
}

func wantInputs(t *testing.T, s flowrun.Store, run string, want []*flowrun.Input) {
	t.Helper()
	got, err := s.ListInputs(t.Context(), run)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ListInputs(), error %v (-want +got):\n%s", err, diff)
	}
}
