//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func testReady(t *testing.T, s taskrun.Store) {
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("Ready() = %v", err)
	}
}

func testNotFound(t *testing.T, s taskrun.Store) {
	gone := mustCreate(t, s, begun(1, pending(), nil))
	if err := s.Delete(t.Context(), gone.ID, nil); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"Get": func() error { _, err := s.Get(t.Context(), runID(9)); return err },
		"Find": func() error {
			_, err := s.Find(t.Context(), taskrun.NaturalKey{TaskKey: "none", DynamicKey: "0"})
			return err
		},
		"Reload":         func() error { _, err := s.Reload(t.Context(), gone); return err },
		"UpdateProgress": func() error { _, err := s.UpdateProgress(t.Context(), gone); return err },
		"Rename":         func() error { return s.Rename(t.Context(), runID(9), "new", start) },
		"Delete":         func() error { return s.Delete(t.Context(), runID(9), nil) },
		"State":          func() error { _, _, err := s.State(t.Context(), stateID(9)); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", name, err)
		}
	}
}

func testCreateLeavesArgument(t *testing.T, s taskrun.Store) {
	f := fixture{initial: richProposal, change: enrich}
	run := f.run()
	mustCreate(t, s, run)
	if diff := differ(f.run(), run); diff != "" {
		t.Errorf("Create() changed its argument (-before +after):\n%s", diff)
	}
}

func testCreateTaken(t *testing.T, s taskrun.Store) {
	first := mustCreate(t, s, begun(1, pending(), nil))
	other := begun(1, taskrun.Proposal{Type: orchestration.Running}, func(r *taskrun.Run) {
		r.Name, r.TaskKey, r.Tags = "other", "other", []string{"x"}
	})
	got, err := s.Create(t.Context(), other)
	if !errors.Is(err, taskrun.ErrExists) || got == nil {
		t.Fatalf("second Create() = %v, error %v, want the first run and ErrExists", got, err)
	}
	if diff := differ(first, got); diff != "" {
		t.Errorf("second Create() gave another run (-first +got):\n%s", diff)
	}
	expectEverywhere(t, s, first, mustGet(t, s, first.ID))
	if _, err := s.Find(t.Context(), other.NaturalKey()); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Find() of the refused run: error %v, want ErrNotFound", err)
	}
}

// testCreateForWorker checks that a create stores the worker of a run that is due, until
// a later write changes it.
func testCreateForWorker(t *testing.T, s taskrun.Store) {
	submitted := taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{Deferred: new(true)}}
	later := submitted
	later.Details.ScheduledTime = new(start.Add(time.Second))
	worker := taskrun.Hold{Worker: "host-7-4711", LeaseNamespace: "taskrun-system"}
	held := &taskrun.Delivery{Holder: worker.Worker, LeaseNamespace: worker.LeaseNamespace, Since: start, Attempts: 1}

	run := begun(1, submitted, nil)
	run.Delivery = held
	created := mustCreate(t, s, run)
	expectEverywhere(t, s, run, created)
	released := *created
	released.Delivery = &taskrun.Delivery{PreviousHolder: worker.Worker, Since: start, Attempts: 1}
	released.StatusStale = false
	expectEverywhere(t, s, &released, mustUpdate(t, s, &released))
	none := released
	none.Ref, none.Delivery = mustGet(t, s, run.ID).Ref, nil
	expectEverywhere(t, s, &none, mustUpdate(t, s, &none))

	for n, proposal := range map[int]taskrun.Proposal{2: later, 3: pending()} {
		want := begun(n, proposal, nil)
		asked := *want
		asked.Delivery = held
		expectEverywhere(t, s, want, mustCreate(t, s, &asked))
	}
}

// progressed returns a run with all fields that transitions can write.
func progressed(run *taskrun.Run) *taskrun.Run {
	next := *run
	rich := richProposal().State(stateID(22), start.Add(3*time.Second))
	empty := emptyProposal().State(stateID(21), start.Add(2*time.Second))
	next.History = []orchestration.State{*run.State, empty}
	next.HistoryDropped = 7
	next.Progress = orchestration.Progress{
		State: &rich, RunCount: 3, FlowRunRunCount: 2,
		ExpectedStartTime: new(start.Add(time.Microsecond)), NextScheduledStartTime: new(start.Add(time.Hour)),
		StartTime: new(start.Add(time.Second).In(east)), EndTime: new(start.Add(time.Minute)),
		TotalRunTime: 90*time.Second + 123456*time.Microsecond,
	}
	next.Decisions = []taskrun.ProposalDecision{
		{Proposal: "retry-1", UID: "u1", Verdict: orchestration.Abort, EvaluatedAt: start.Add(2 * time.Second)},
		{
			Proposal: "retry-2", UID: "u2", Verdict: orchestration.Reject, Reason: "Retrying", Proposer: "alice",
			EvaluatedAt: start.Add(3 * time.Second).In(east), StateID: stateID(22),
		},
	}
	next.ExpirationTime = new(start.Add(2 * time.Hour).In(east))
	next.Updated = start.Add(3 * time.Second)
	return &next
}

func testProgress(t *testing.T, s taskrun.Store) {
	created := mustCreate(t, s, begun(1, pending(), enrich))
	written := progressed(created)
	updated := mustUpdate(t, s, written)
	want := progressed(created)
	want.StatusStale = false
	expectEverywhere(t, s, want, updated)
	expectUTC(t, updated)
	if diff := differ(progressed(created), written); diff != "" {
		t.Errorf("UpdateProgress() changed its argument (-before +after):\n%s", diff)
	}
	// A write of less progress replaces all of the earlier progress.
	less := *updated
	less.Progress = orchestration.Progress{State: created.State}
	less.History, less.HistoryDropped, less.Decisions = nil, 0, nil
	expectEverywhere(t, s, &less, mustUpdate(t, s, &less))
}

func testProgressOnly(t *testing.T, s taskrun.Store) {
	created := mustCreate(t, s, begun(1, pending(), enrich))
	changed := *moved(created, stateID(20), orchestration.Running)
	want := changed
	want.StatusStale = false
	changed.Name, changed.Tags, changed.Policy = "other", nil, taskrun.Policy{}
	changed.Labels, changed.TaskInputs, changed.CacheKey = nil, nil, nil
	changed.TTL = new(time.Minute)
	expectEverywhere(t, s, &want, mustUpdate(t, s, &changed))
}

func testStaleProgress(t *testing.T, s taskrun.Store) {
	created := mustCreate(t, s, begun(1, pending(), nil))
	updated := mustUpdate(t, s, moved(created, stateID(20), orchestration.Running))
	if updated.Ref.ResourceVersion == created.Ref.ResourceVersion {
		t.Error("a write did not change the version")
	}
	_, err := s.UpdateProgress(t.Context(), moved(created, stateID(21), orchestration.Failed))
	if !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("UpdateProgress() of the first version: error %v, want ErrConflict", err)
	}
	expectEverywhere(t, s, updated, updated)
	if err := s.Rename(t.Context(), created.ID, "renamed", start.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, err = s.UpdateProgress(t.Context(), moved(updated, stateID(22), orchestration.Failed))
	if !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("UpdateProgress() of the version before a rename: error %v, want ErrConflict", err)
	}
}

func testReadRunsAreStable(t *testing.T, s taskrun.Store) {
	created := mustCreate(t, s, begun(1, richProposal(), enrich))
	read := mustGet(t, s, created.ID)
	mustUpdate(t, s, progressed(read))
	if err := s.Rename(t.Context(), created.ID, "renamed", start.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if diff := differ(begun(1, richProposal(), enrich), read); diff != "" {
		t.Errorf("later writes changed a run that was read before (-then +now):\n%s", diff)
	}
}

func testState(t *testing.T, s taskrun.Store) {
	run := mustCreate(t, s, begun(1, pending(), nil))
	mustCreate(t, s, begun(2, pending(), nil))
	run = mustUpdate(t, s, moved(run, stateID(20), orchestration.Running))
	run = mustUpdate(t, s, moved(run, stateID(21), orchestration.Completed))
	for id, kind := range map[string]orchestration.StateType{
		stateID(1): orchestration.Pending, stateID(20): orchestration.Running, stateID(21): orchestration.Completed,
	} {
		state, holder, err := s.State(t.Context(), id)
		if err != nil || state.ID != id || state.Type != kind || holder.ID != run.ID {
			t.Errorf("State(%s) = %+v of %v, error %v, want %s of %s", id, state, holder, err, kind, run.ID)
		}
	}
	shorter := *run
	shorter.History, shorter.HistoryDropped = run.History[1:], 1
	mustUpdate(t, s, &shorter)
	if _, _, err := s.State(t.Context(), stateID(1)); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("State() of a dropped state: error %v, want ErrNotFound", err)
	}
}

func testRename(t *testing.T, s taskrun.Store) {
	run := mustCreate(t, s, begun(1, richProposal(), enrich))
	run = mustUpdate(t, s, moved(run, stateID(20), orchestration.Running))
	at := start.Add(time.Hour)
	if err := s.Rename(t.Context(), run.ID, "new \"name\"", at); err != nil {
		t.Fatal(err)
	}
	got := mustGet(t, s, run.ID)
	want := run.Renamed("new \"name\"", at)
	if want.Name != "new \"name\"" || !want.Updated.Equal(at) {
		t.Fatalf("renamed at %s: %+v", at, want)
	}
	expectEverywhere(t, s, want, got)
	if got.Ref.UID != run.Ref.UID {
		t.Error("a rename made another object")
	}
}

func testDelete(t *testing.T, s taskrun.Store) {
	run := mustCreate(t, s, begun(1, pending(), nil))
	kept := mustCreate(t, s, begun(2, pending(), nil))
	run = mustUpdate(t, s, moved(run, stateID(20), orchestration.Running))
	if err := s.Delete(t.Context(), run.ID, nil); err != nil {
		t.Fatal(err)
	}
	expectGone(t, s, run)
	if err := s.Delete(t.Context(), run.ID, nil); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("second Delete(): error %v, want ErrNotFound", err)
	}
	expectEverywhere(t, s, kept, kept)
}

// expectGone checks that no read returns the run or one of its states.
func expectGone(t *testing.T, s taskrun.Store, run *taskrun.Run) {
	t.Helper()
	if _, err := s.Get(t.Context(), run.ID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Get() of a deleted run: error %v, want ErrNotFound", err)
	}
	if _, err := s.Find(t.Context(), run.NaturalKey()); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Find() of a deleted run: error %v, want ErrNotFound", err)
	}
	if _, err := s.Reload(t.Context(), run); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Reload() of a deleted run: error %v, want ErrNotFound", err)
	}
	for _, state := range run.States() {
		if _, _, err := s.State(t.Context(), state.ID); !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("State() of a deleted run: error %v, want ErrNotFound", err)
		}
	}
	n, err := s.Count(t.Context(), taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{run.ID}}})
	if err != nil || n != 0 {
		t.Errorf("Count() of a deleted run = %d, error %v, want 0", n, err)
	}
}

// testSharedKey is about a case that a create does not cause by itself: racing clients
// can choose ids that share a natural key.
func testSharedKey(t *testing.T, s taskrun.Store) {
	same := func(r *taskrun.Run) { r.DynamicKey = "same" }
	key := mustCreate(t, s, begun(1, pending(), same)).NaturalKey()
	mustCreate(t, s, begun(2, pending(), same))
	found := []string{}
	for range 2 {
		run, err := s.Find(t.Context(), key)
		if err != nil {
			t.Fatalf("Find() after %v were found and deleted: %v", found, err)
		}
		found = append(found, run.ID)
		if err := s.Delete(t.Context(), run.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff([]string{runID(1), runID(2)}, found); diff != "" {
		t.Errorf("found one after the other (-want +got):\n%s", diff)
	}
	if _, err := s.Find(t.Context(), key); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Find() when both are gone: error %v, want ErrNotFound", err)
	}
}

func testDeleteRevision(t *testing.T, s taskrun.Store) {
	created := mustCreate(t, s, begun(1, pending(), nil))
	updated := mustUpdate(t, s, moved(created, stateID(20), orchestration.Completed))
	if err := s.Delete(t.Context(), created.ID, &created.Ref); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("Delete() of the first version: error %v, want ErrConflict", err)
	}
	expectEverywhere(t, s, updated, updated)
	if err := s.Delete(t.Context(), created.ID, &updated.Ref); err != nil {
		t.Errorf("Delete() of the current version: %v", err)
	}
	expectGone(t, s, updated)
}

func testMadeAgain(t *testing.T, s taskrun.Store) {
	old := mustCreate(t, s, begun(1, richProposal(), enrich))
	old = mustUpdate(t, s, progressed(old))
	if err := s.Delete(t.Context(), old.ID, nil); err != nil {
		t.Fatal(err)
	}
	again := func() *taskrun.Run {
		return begun(1, pending(), func(r *taskrun.Run) {
			r.TaskKey, r.DynamicKey, r.FlowRunID = old.TaskKey, old.DynamicKey, old.FlowRunID
			r.Created, r.Updated = start.Add(time.Hour), start.Add(time.Hour)
		})
	}
	created := mustCreate(t, s, again())
	if created.Ref.UID == old.Ref.UID {
		t.Error("the new run has the revision of the old object")
	}
	stale := map[string]error{
		"UpdateProgress": func() error {
			_, err := s.UpdateProgress(t.Context(), moved(old, stateID(30), orchestration.Failed))
			return err
		}(),
		"Delete": s.Delete(t.Context(), old.ID, &old.Ref),
	}
	for name, err := range stale {
		if !errors.Is(err, taskrun.ErrConflict) && !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s() with the old run's revision: error %v, want ErrConflict or ErrNotFound", name, err)
		}
	}
	if _, err := s.Reload(t.Context(), old); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Reload() of the old run: error %v, want ErrNotFound", err)
	}
	if _, _, err := s.State(t.Context(), old.State.ID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("State() of the old run: error %v, want ErrNotFound", err)
	}
	expectEverywhere(t, s, again(), created)
}
