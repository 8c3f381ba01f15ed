package usecase_test

import (
	"errors"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// applied creates a run directly in the store, as kubectl does.
func applied(t *testing.T, store taskrun.Store, state taskrun.Proposal, change func(*taskrun.Run)) *taskrun.Run {
	t.Helper()
	run := taskrun.Run{
		ID: "0198a1b2-0000-7000-8000-000000000001", Name: "hello", TaskKey: "hello", DynamicKey: "hello",
		Created: start, Updated: start, StatusStale: true,
	}
	run = taskrun.Begin(run, state.State("0198a1b2-0000-7000-8000-0000000000aa", start))
	change(&run)
	created, err := store.Create(t.Context(), &run)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func TestPersistStatus_writesProgressOnce(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	run := applied(t, store, taskrun.Proposal{Type: orchestration.Pending}, func(*taskrun.Run) {})
	observed, err := s.PersistStatus(t.Context(), run.ID)
	if err != nil || observed.StatusStale {
		t.Fatalf("PersistStatus() = stale %v, error %v", observed.StatusStale, err)
	}
	again, err := s.PersistStatus(t.Context(), run.ID)
	if err != nil || again.Ref != observed.Ref {
		t.Errorf("second PersistStatus() wrote: revision %v, want %v; error %v", again.Ref, observed.Ref, err)
	}
}

func TestExpire_deletesRunAfterTTL(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	cases := map[string]struct {
		state         orchestration.StateType
		ttl           *time.Duration
		advance       time.Duration
		wantDeleted   bool
		wantRemaining bool
	}{
		"an unfinished run is kept":               {state: orchestration.Running, ttl: &minute, advance: time.Hour},
		"a finished run without a TTL is kept":    {state: orchestration.Completed, advance: time.Hour},
		"a finished run is kept until its TTL":    {state: orchestration.Failed, ttl: &minute, wantRemaining: true},
		"a finished run is deleted after its TTL": {state: orchestration.Crashed, ttl: &minute, advance: minute, wantDeleted: true},
		"a TTL of zero deletes at once":           {state: orchestration.Completed, ttl: new(time.Duration), wantDeleted: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			s, clock := newService(store)
			run := applied(t, store, taskrun.Proposal{Type: tc.state}, func(r *taskrun.Run) { r.TTL = tc.ttl })
			clock.Step(tc.advance)
			remaining, deleted, err := s.Expire(t.Context(), run.ID)
			if err != nil || deleted != tc.wantDeleted || (remaining > 0) != tc.wantRemaining {
				t.Errorf("Expire() = %v, %v, error %v", remaining, deleted, err)
			}
			_, err = s.Get(t.Context(), run.ID)
			if deleted := errors.Is(err, taskrun.ErrNotFound); deleted != tc.wantDeleted {
				t.Errorf("deleted = %v, want %v", deleted, tc.wantDeleted)
			}
		})
	}
}
