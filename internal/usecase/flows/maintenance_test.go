package flows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// keepFor is a retention rule.
type keepFor struct {
	ttl     *time.Duration
	unknown bool
}

func (k *keepFor) FinishedTTL(string) (*time.Duration, bool) { return k.ttl, !k.unknown }

func withTTL(ttl time.Duration) func(*flowrun.NewRun) {
	return func(in *flowrun.NewRun) { in.Run.TTL = &ttl }
}

// retaining returns the use cases with a rule of the namespace.
func (f *fixture) retaining(rule *keepFor) *flows.Service {
	o := f.Options
	o.Retention = rule
	return flows.New(o)
}

func TestPersistStatus_writesMissingStatusOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Pending))
	store := f.faulty()
	for range 2 {
		got, err := f.PersistStatus(t.Context(), run.ID)
		if err != nil || got.StatusStale || got.State.ID != run.State.ID {
			t.Errorf("PersistStatus() = %+v, error %v, want the same state, stored", got, err)
		}
	}
	if store.writes != 1 {
		t.Errorf("%d writes, want 1", store.writes)
	}
	if _, err := f.PersistStatus(t.Context(), unknownID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("of an unknown run: error %v, want ErrNotFound", err)
	}
}

func TestPersistStatus_correctsExpirationTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	f.mustSet(t, run.ID, orchestration.Completed)
	rule := &keepFor{ttl: new(time.Hour)}
	s := f.retaining(rule)
	got, err := s.PersistStatus(t.Context(), run.ID)
	if err != nil || got.ExpirationTime == nil || !got.ExpirationTime.Equal(start.Add(time.Hour)) {
		t.Errorf("expiration time %v, error %v, want an hour after the end", got.ExpirationTime, err)
	}
	rule.unknown = true
	if got, err = s.PersistStatus(t.Context(), run.ID); err != nil || got.ExpirationTime == nil {
		t.Errorf("while the rule is unknown: expiration time %v, error %v, want the earlier one", got.ExpirationTime, err)
	}
}

func TestExpire_deletesRunAfterItsTTL(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running), withTTL(time.Minute))
	task := f.mustCreateTask(t, run.ID, "1")
	expire := func() (time.Duration, bool) {
		t.Helper()
		remaining, deleted, err := f.Expire(t.Context(), run.ID)
		if err != nil {
			t.Fatalf("Expire(): %v", err)
		}
		return remaining, deleted
	}
	f.clock.Step(time.Hour)
	if remaining, deleted := expire(); deleted || remaining != 0 {
		t.Errorf("an unfinished run: %v left, deleted %t", remaining, deleted)
	}
	f.mustSet(t, run.ID, orchestration.Failed)
	f.clock.Step(20 * time.Second)
	if remaining, deleted := expire(); deleted || remaining != 40*time.Second {
		t.Errorf("before its TTL: %v left, deleted %t", remaining, deleted)
	}
	f.clock.Step(40 * time.Second)
	for range 2 { // the second time it does not exist
		if _, deleted := expire(); !deleted {
			t.Error("after its TTL: not deleted")
		}
	}
	if _, err := f.tasks.Get(t.Context(), task.ID); err != nil {
		t.Errorf("its task run: %v, want it kept", err)
	}
}

func TestExpire_keepsRunThatChangedSince(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Failed), withTTL(0))
	f.mustSet(t, run.ID, orchestration.Scheduled, forced)
	f.Store = staleStore{f.Store, run}
	if _, deleted, err := f.Expire(t.Context(), run.ID); deleted || !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("deleted %t, error %v, want ErrConflict", deleted, err)
	}
}

// staleStore returns an earlier version of a run.
type staleStore struct {
	flowrun.Store

	stale *flowrun.Run
}

func (s staleStore) Get(context.Context, string) (*flowrun.Run, error) { return s.stale, nil }

func TestDeadlines_changeRunsThatAreDue(t *testing.T) {
	t.Parallel()
	at := func(after time.Duration) *time.Time { return new(start.Add(after)) }
	named := func(name string) func(*taskrun.Proposal) { return func(p *taskrun.Proposal) { p.Name = &name } }
	scheduled := func(after time.Duration) func(*taskrun.Proposal) {
		return func(p *taskrun.Proposal) { p.Details.ScheduledTime = at(after) }
	}
	pause := func(after time.Duration) func(*taskrun.Proposal) {
		return func(p *taskrun.Proposal) { p.Details.PauseTimeout = at(after) }
	}
	cases := map[string]struct {
		state     orchestration.StateType
		edits     []func(*taskrun.Proposal)
		after     time.Duration
		act       func(*fixture) func(context.Context, string) (*flowrun.Run, error)
		wantState orchestration.StateType
		wantName  string
		want      string // message
	}{
		"a pause 10 seconds after its timeout": {
			orchestration.Paused,
			[]func(*taskrun.Proposal){pause(time.Minute)},
			70 * time.Second, expirePause,
			orchestration.Failed, "Failed", "The flow was paused and never resumed.",
		},
		"not a pause before that": {
			orchestration.Paused, []func(*taskrun.Proposal){pause(time.Minute)}, 70*time.Second - 1, expirePause, orchestration.Paused, "Paused", "",
		},
		"not a pause without a timeout": {orchestration.Paused, nil, time.Hour, expirePause, orchestration.Paused, "Paused", ""},
		"not a run that is not paused":  {orchestration.Running, []func(*taskrun.Proposal){pause(0)}, time.Hour, expirePause, orchestration.Running, "Running", ""},
		"a cancellation after 300 seconds": {
			orchestration.Cancelling, nil, 300 * time.Second, endCancelling,
			orchestration.Cancelled, "Cancelled", "Flow run cancellation timed out; marked this flow run as Cancelled.",
		},
		"not a cancellation before": {orchestration.Cancelling, nil, 299 * time.Second, endCancelling, orchestration.Cancelling, "Cancelling", ""},
		"a run 15 seconds after its start": {
			orchestration.Scheduled, []func(*taskrun.Proposal){scheduled(time.Minute)}, 75 * time.Second, markLate, orchestration.Scheduled, "Late", "",
		},
		"not a run within 15 seconds": {
			orchestration.Scheduled, []func(*taskrun.Proposal){scheduled(time.Minute)}, 74 * time.Second, markLate, orchestration.Scheduled, "Scheduled", "",
		},
		"not a run that waits for its retry": {
			orchestration.Scheduled, []func(*taskrun.Proposal){scheduled(0), named("AwaitingRetry")}, time.Hour, markLate, orchestration.Scheduled, "AwaitingRetry", "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			run := f.mustCreate(t, inState(tc.state, tc.edits...))
			f.clock.SetTime(start.Add(tc.after))
			got, err := tc.act(f)(t.Context(), run.ID)
			if err != nil {
				t.Fatal(err)
			}
			message := ""
			if got.State.Message != nil {
				message = *got.State.Message
			}
			if got.State.Type != tc.wantState || got.State.Name != tc.wantName || message != tc.want {
				t.Errorf("state %s %s %q, want %s %s %q", got.State.Type, got.State.Name, message, tc.wantState, tc.wantName, tc.want)
			}
			if changed := got.State.ID != run.State.ID; changed != (len(got.History) == 1) || changed != (len(f.told.list) == 2) {
				t.Errorf("changed %t, history %v, notified of %q", changed, got.History, f.told.list)
			}
		})
	}
}

func expirePause(f *fixture) func(context.Context, string) (*flowrun.Run, error) {
	return f.ExpirePause
}

func endCancelling(f *fixture) func(context.Context, string) (*flowrun.Run, error) {
	return f.EndCancelling
}
func markLate(f *fixture) func(context.Context, string) (*flowrun.Run, error) { return f.MarkLate }

func TestMarkLate_keepsScheduledTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Scheduled))
	f.clock.Step(time.Minute)
	got, err := f.MarkLate(t.Context(), run.ID)
	if err != nil || !got.NextScheduledStartTime.Equal(start) || !got.ExpectedStartTime.Equal(start) || !got.State.Details.ScheduledTime.Equal(start) {
		t.Errorf("next start %v, expected %v, scheduled time %v, error %v, want %v",
			got.NextScheduledStartTime, got.ExpectedStartTime, got.State.Details.ScheduledTime, err, start)
	}
}
