package taskrun_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// meetingStore lets nobody create before all have looked for the key in vain, or
// the first of those who wait for each other is on its way.
type meetingStore struct {
	*memory.Store
	met chan struct{} // closed after the first Find
	one sync.Once
}

func (s *meetingStore) Find(ctx context.Context, key taskrun.NaturalKey) (*taskrun.Run, error) {
	run, err := s.Store.Find(ctx, key)
	s.one.Do(func() { close(s.met) })
	return run, err
}

// Fifty creates of one key, half of them by events, each with an id of its own,
// in Services that share their locks.
func TestCreatesOfOneKeyWithDifferentIDsMakeOneRun(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{now: start}
	store := &meetingStore{Store: memory.NewWithClock(clock), met: make(chan struct{})}
	locks := taskrun.NewKeyLocks()
	service := func() *taskrun.Service {
		return taskrun.NewService(taskrun.ServiceOptions{Namespace: "default", Store: store, Clock: clock, KeyLocks: locks})
	}
	posts, events := service(), service()
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			if n > 0 {
				<-store.met // all the others come while the first is about to create
			}
			if n%2 == 0 {
				in := newRun("d")
				in.Run.ID, in.Run.FlowRunID, in.Run.TaskKey = runID(n+1), eventFlow, "k"
				if _, _, err := posts.Create(t.Context(), in); err != nil {
					t.Error(err)
				}
				return
			}
			e := event(runID(n+1), n, orchestration.Running, func(e *taskrun.Event) { e.Columns.FlowRunID = taskrun.Give(eventFlow) })
			if err := events.Record(t.Context(), []taskrun.Event{e}, func(_ taskrun.Event, err error) { t.Error(err) }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := store.Query(t.Context(), taskrun.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page.Runs); n != 1 {
		t.Fatalf("%d runs, want 1", n)
	}
	if n := len(page.Runs[0].States()); n != 26 {
		t.Errorf("the run has %d states, want the first one and 25 reported ones", n)
	}
}

// holdingStore creates when it is let go.
type holdingStore struct {
	*memory.Store
	began, goOn chan struct{}
}

func (s *holdingStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	close(s.began)
	<-s.goOn
	return s.Store.Create(ctx, run)
}

func TestACreateThatWaitsForAnotherEndsWithItsContext(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{now: start}
	store := &holdingStore{Store: memory.NewWithClock(clock), began: make(chan struct{}), goOn: make(chan struct{})}
	s := taskrun.NewService(taskrun.ServiceOptions{Namespace: "default", Store: store, Clock: clock})
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
	close(store.goOn)
	first.Wait()
	if _, created, err := s.Create(t.Context(), newRun("d")); created || err != nil {
		t.Errorf("the third: created %t, error %v", created, err)
	}
}

// A restart forgets deletions. A run that has the id of its natural key was made
// here, and is not made again by a worker that still runs it.
func TestADeletedRunStaysDeletedAfterARestart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		edit        func(*taskrun.Run)
		inFlow      string // that the event tells of
		wantRefused bool
	}{
		"without an id":                       {wantRefused: true},
		"without an id, in a flow run":        {edit: func(r *taskrun.Run) { r.FlowRunID = eventFlow }, inFlow: eventFlow, wantRefused: true},
		"without an id, reported by a flow":   {inFlow: eventFlow, wantRefused: true},
		"with an id of the client's choosing": {edit: func(r *taskrun.Run) { r.ID = eventRun }},
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
			after := newRecorder() // knows nothing of all that
			after.record(t, event(run.ID, 5, orchestration.Running, func(e *taskrun.Event) {
				if tc.inFlow != "" {
					e.Columns.FlowRunID = taskrun.Give(tc.inFlow)
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
