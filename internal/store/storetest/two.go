//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// The maximum time until a store sees a write of another one, and the interval of
// checks.
const (
	patience = 20 * time.Second
	interval = 5 * time.Millisecond
)

// RunTwo tests two stores on the same source of truth, like two replicas. open
// returns two stores on an empty one at each call.
func RunTwo(t *testing.T, open func(t *testing.T) (a, b taskrun.Store)) {
	t.Helper()
	tests := map[string]func(t *testing.T, a, b taskrun.Store){
		"each sees what the other writes":                            testSeesOther,
		"equal creates on both make one run":                         testEqualCreatesOnTwo,
		"no state is lost among proposals to both":                   testProposalsToTwo,
		"progress on top of a version the other replaced is refused": testStaleOnTwo,
		"a run that the other made again has nothing of the old one": testMadeAgainByOther,
		"the later of a rename and a reported name holds":            testRenameOnTwo,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			test(t, a, b)
		})
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

func testSeesOther(t *testing.T, a, b taskrun.Store) {
	run := mustCreate(t, a, begun(1, richProposal(), enrich))
	if got := mustGet(t, b, run.ID); differ(run, got) != "" {
		t.Errorf("Get() by the other store (-written +read):\n%s", differ(run, got))
	}
	eventually(t, "the new run is found by its natural key and counted", func() bool {
		found, err := b.Find(t.Context(), run.NaturalKey())
		n, countErr := b.Count(t.Context(), taskrun.Filter{})
		return err == nil && found.ID == run.ID && countErr == nil && n == 1
	})
	run = mustUpdate(t, a, moved(run, stateID(20), orchestration.Running))
	eventually(t, "the new state is found and filtered by", func() bool {
		state, _, err := b.State(t.Context(), stateID(20))
		n, countErr := b.Count(t.Context(), stateFilter(orchestration.Running))
		return err == nil && state.ID == stateID(20) && countErr == nil && n == 1
	})
	expectEverywhere(t, b, run, mustGet(t, b, run.ID))
	if err := a.Rename(t.Context(), run.ID, "renamed", start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new name is read", func() bool { return mustGet(t, b, run.ID).Name == "renamed" })
	if err := a.Delete(t.Context(), run.ID, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deleted run is gone", func() bool {
		_, err := b.Get(t.Context(), run.ID)
		return errors.Is(err, taskrun.ErrNotFound)
	})
	expectGone(t, b, run)
}

func testEqualCreatesOnTwo(t *testing.T, a, b taskrun.Store) {
	c := testingclock.NewFakeClock(start)
	createAtOnce(t, []*usecase.Service{newService(a, c), newService(b, c)})
	for name, s := range map[string]taskrun.Store{"first": a, "second": b} {
		eventually(t, "the "+name+" store counts the run", func() bool {
			n, err := s.Count(t.Context(), taskrun.Filter{})
			return err == nil && n == 1
		})
	}
}

func testProposalsToTwo(t *testing.T, a, b taskrun.Store) {
	c := testingclock.NewFakeClock(start)
	services := []*usecase.Service{newService(a, c), newService(b, c)}
	run, _, err := services[0].Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{TaskKey: "k", DynamicKey: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	written := proposeAtOnce(t, services, run.ID)
	for name, s := range map[string]taskrun.Store{"first": a, "second": b} {
		eventually(t, "the "+name+" store has all states", func() bool {
			return len(mustGet(t, s, run.ID).States()) == len(written)+1
		})
		expectHistory(t, mustGet(t, s, run.ID), run.State.ID, written)
	}
}

func testStaleOnTwo(t *testing.T, a, b taskrun.Store) {
	run := mustCreate(t, a, begun(1, pending(), nil))
	other := mustUpdate(t, b, moved(mustGet(t, b, run.ID), stateID(20), orchestration.Running))
	if _, err := a.UpdateProgress(t.Context(), moved(run, stateID(21), orchestration.Failed)); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("UpdateProgress(): error %v, want ErrConflict", err)
	}
	if err := a.Delete(t.Context(), run.ID, &run.Ref); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("Delete(): error %v, want ErrConflict", err)
	}
	again, err := a.Reload(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	expectEverywhere(t, a, other, again)
}

func testMadeAgainByOther(t *testing.T, a, b taskrun.Store) {
	old := mustCreate(t, a, begun(1, richProposal(), enrich))
	old = mustUpdate(t, a, progressed(old))
	eventually(t, "the other store has the run's states", func() bool {
		_, _, err := b.State(t.Context(), old.State.ID)
		return err == nil
	})
	if err := b.Delete(t.Context(), old.ID, nil); err != nil {
		t.Fatal(err)
	}
	created := mustCreate(t, b, begun(1, pending(), nil))
	if _, err := a.UpdateProgress(t.Context(), moved(old, stateID(30), orchestration.Failed)); !errors.Is(err, taskrun.ErrConflict) &&
		!errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("UpdateProgress() of the old run: error %v, want ErrConflict or ErrNotFound", err)
	}
	eventually(t, "the first store reads the new run and no state of the old one", func() bool {
		run, err := a.Get(t.Context(), old.ID)
		_, _, stateErr := a.State(t.Context(), old.State.ID)
		return err == nil && run.Ref.UID == created.Ref.UID && errors.Is(stateErr, taskrun.ErrNotFound)
	})
	expectEverywhere(t, a, created, mustGet(t, a, old.ID))
}
