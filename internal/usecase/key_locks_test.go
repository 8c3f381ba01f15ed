package usecase_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// lateStore creates a run after a second. In a bubble, all other goroutines are blocked by
// then.
type lateStore struct{ *memory.Store }

func (s lateStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	time.Sleep(time.Second) //nolint:forbidigo // in a bubble it takes no time
	return s.Store.Create(ctx, run)
}

// Fifty creates of one key with different ids, half of them by events, in Services that
// share their locks.
func TestCreate_oneKeyWithDifferentIDsIsOneRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := testingclock.NewFakeClock(start)
		store := lateStore{memory.NewWithClock(clock)}
		locks := usecase.NewKeyLocks()
		service := func() *usecase.Service {
			return usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock, KeyLocks: locks})
		}
		posts, events := service(), service()
		var all sync.WaitGroup
		for n := range 50 {
			if n%2 == 0 {
				all.Go(func() { post(t, posts, n) })
			} else {
				all.Go(func() { report(t, events, n) })
			}
		}
		all.Wait()
		page, err := store.Query(t.Context(), taskrun.Query{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Runs); n != 1 {
			t.Fatalf("%d runs, want 1", n)
		}
		reported := 0
		for _, state := range page.Runs[0].States() {
			if state.Reported {
				reported++
			}
		}
		if reported != 25 {
			t.Errorf("the run has %d reported states, want 25", reported)
		}
	})
}

// post creates a run of the key with a new id.
func post(t *testing.T, s *usecase.Service, n int) {
	t.Helper()
	in := newRun("d")
	in.Run.ID, in.Run.FlowRunID, in.Run.TaskKey = runID(n+1), eventFlow, "k"
	if _, _, err := s.Create(t.Context(), in); err != nil {
		t.Error(err)
	}
}

// report records an event of the key with a new id.
func report(t *testing.T, s *usecase.Service, n int) {
	t.Helper()
	e := event(runID(n+1), n, orchestration.Running, func(e *taskrun.Event) { e.Patch.FlowRunID = taskrun.Set(eventFlow) })
	if err := s.Record(t.Context(), []taskrun.Event{e}, func(_ taskrun.Event, err error) { t.Error(err) }); err != nil {
		t.Error(err)
	}
}

// holdingStore blocks creates until the test releases them.
type holdingStore struct {
	*memory.Store
	began, proceed chan struct{}
}

func (s *holdingStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	close(s.began)
	<-s.proceed
	return s.Store.Create(ctx, run)
}

func TestCreate_endsWithContextWhileAnotherHoldsKey(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakeClock(start)
	store := &holdingStore{Store: memory.NewWithClock(clock), began: make(chan struct{}), proceed: make(chan struct{})}
	s := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock})
	var first sync.WaitGroup
	first.Go(func() {
		if _, created, err := s.Create(t.Context(), newRun("d")); !created || err != nil {
			t.Errorf("the first: created %t, error %v", created, err)
		}
	})
	<-store.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Create(ctx, newRun("d")); !errors.Is(err, context.Canceled) {
		t.Errorf("the second: %v, want %v", err, context.Canceled)
	}
	close(store.proceed)
	first.Wait()
	if _, created, err := s.Create(t.Context(), newRun("d")); created || err != nil {
		t.Errorf("the third: created %t, error %v", created, err)
	}
}

// A restart loses the record of deletions. The operator generated the id of the run from its
// natural key, and a worker that still runs the run does not create it again.
func TestRecord_deletedRunIsNotRecreatedAfterRestart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		edit        func(*taskrun.Run)
		inFlow      string // flow run of the event
		wantRefused bool
	}{
		"without an id":                     {wantRefused: true},
		"without an id, in a flow run":      {edit: func(r *taskrun.Run) { r.FlowRunID = eventFlow }, inFlow: eventFlow, wantRefused: true},
		"without an id, reported by a flow": {inFlow: eventFlow, wantRefused: true},
		"with an id chosen by the client":   {edit: func(r *taskrun.Run) { r.ID = eventRun }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := newRecorder()
			in := newRun("d")
			in.Run.TaskKey = "k"
			if tc.edit != nil {
				tc.edit(&in.Run)
			}
			run := mustCreate(t, before.Service, in)
			if err := before.Delete(t.Context(), run.ID); err != nil {
				t.Fatal(err)
			}
			after := newRecorder() // has no record of the deletion
			after.record(t, event(run.ID, 5, orchestration.Running, func(e *taskrun.Event) {
				if tc.inFlow != "" {
					e.Patch.FlowRunID = taskrun.Set(tc.inFlow)
				}
			}))
			_, err := after.Get(t.Context(), run.ID)
			if errors.Is(err, taskrun.ErrNotFound) != tc.wantRefused {
				t.Errorf("the run: %v, want it missing: %t", err, tc.wantRefused)
			}
			if diff := cmp.Diff(tc.wantRefused, len(after.refused) == 1); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}
