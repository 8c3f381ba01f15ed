package usecase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// retention is a rule for all namespaces.
type retention struct {
	ttl     *time.Duration
	unknown bool
}

func (r *retention) FinishedTTL(string) (*time.Duration, bool) { return r.ttl, !r.unknown }

// counting counts the writes of progress.
type counting struct {
	taskrun.Store
	writes int
}

func (c *counting) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	c.writes++
	return c.Store.UpdateProgress(ctx, run)
}

func TestExpiration_isWrittenWithState(t *testing.T) {
	t.Parallel()
	minute, hour := time.Minute, time.Hour
	cases := map[string]struct {
		ttl  *time.Duration
		rule retention
		want time.Duration // after the end; 0: none
	}{
		"neither a TTL nor a default":          {},
		"the default":                          {rule: retention{ttl: &hour}, want: hour},
		"its own TTL":                          {ttl: &minute, want: minute},
		"its own TTL before the default":       {ttl: &minute, rule: retention{ttl: &hour}, want: minute},
		"an unknown default is not written":    {rule: retention{ttl: &hour, unknown: true}},
		"its own TTL needs no default":         {ttl: &minute, rule: retention{unknown: true}, want: minute},
		"a TTL of zero is the time of the end": {ttl: new(time.Duration), want: -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &counting{Store: memory.New()}
			s, clock := newService(store)
			s.Retention = &tc.rule
			run := applied(t, store, taskrun.Proposal{Type: orchestration.Running}, func(r *taskrun.Run) { r.TTL = tc.ttl })
			clock.Step(5 * time.Minute)
			outcome, err := s.SetState(t.Context(), run.ID, taskrun.Proposal{Type: orchestration.Completed})
			if err != nil {
				t.Fatal(err)
			}
			var want *time.Time
			if tc.want != 0 {
				want = new(outcome.Run.EndRecorded.Add(max(tc.want, 0)))
			}
			if diff := cmp.Diff(want, outcome.Run.ExpirationTime); diff != "" {
				t.Errorf("expiration time (-want +got):\n%s", diff)
			}
			if _, err := s.PersistStatus(t.Context(), run.ID); err != nil || store.writes != 1 {
				t.Errorf("%d writes, error %v, want one", store.writes, err)
			}
			outcome, err = s.SetState(t.Context(), run.ID, taskrun.Proposal{Type: orchestration.Pending, Force: true})
			if err != nil || outcome.Run.ExpirationTime != nil {
				t.Errorf("after it left the final state: %v, error %v, want none", outcome.Run.ExpirationTime, err)
			}
		})
	}
}

func TestPersistStatus_correctsExpiration(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	store := &counting{Store: memory.New()}
	s, clock := newService(store)
	rule := &retention{}
	s.Retention = rule
	run := applied(t, store, taskrun.Proposal{Type: orchestration.Completed}, func(*taskrun.Run) {})
	end := run.EndRecorded
	steps := []struct {
		what       string
		rule       retention
		want       *time.Time
		wantWrites int // in total
	}{
		{what: "the first write", wantWrites: 1},
		{what: "a rule", rule: retention{ttl: &hour}, want: new(end.Add(hour)), wantWrites: 2},
		{what: "the same rule", rule: retention{ttl: &hour}, want: new(end.Add(hour)), wantWrites: 2},
		{what: "half a second more", rule: retention{ttl: new(hour + time.Second/2)}, want: new(end.Add(hour)), wantWrites: 2},
		{what: "a rule that is not known", rule: retention{unknown: true}, want: new(end.Add(hour)), wantWrites: 2},
		{what: "another rule", rule: retention{ttl: new(2 * hour)}, want: new(end.Add(2 * hour)), wantWrites: 3},
		{what: "no rule", wantWrites: 4},
	}
	for _, step := range steps {
		*rule = step.rule
		clock.Step(time.Minute)
		observed, err := s.PersistStatus(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, observed.ExpirationTime); diff != "" || store.writes != step.wantWrites {
			t.Errorf("%s: %d writes, want %d, expiration time (-want +got):\n%s", step.what, store.writes, step.wantWrites, diff)
		}
	}
}

func TestExpire_appliesDefaultTTL(t *testing.T) {
	t.Parallel()
	minute, hour := time.Minute, time.Hour
	cases := map[string]struct {
		state       orchestration.StateType
		ttl         *time.Duration
		rule        retention
		hold        bool
		advance     time.Duration
		wantDeleted bool
	}{
		"a run is deleted after the default":         {state: orchestration.Completed, rule: retention{ttl: &minute}, advance: minute, wantDeleted: true},
		"a run is kept until then":                   {state: orchestration.Completed, rule: retention{ttl: &minute}, advance: minute / 2},
		"its own TTL is longer":                      {state: orchestration.Failed, ttl: &hour, rule: retention{ttl: &minute}, advance: minute},
		"its own TTL is shorter":                     {state: orchestration.Failed, ttl: &minute, rule: retention{ttl: &hour}, advance: minute, wantDeleted: true},
		"an unfinished run is kept":                  {state: orchestration.Running, rule: retention{ttl: &minute}, advance: hour},
		"a default that is not known keeps":          {state: orchestration.Crashed, rule: retention{ttl: &minute, unknown: true}, advance: hour},
		"a run on hold is kept whatever the default": {state: orchestration.Completed, hold: true, rule: retention{ttl: &minute}, advance: hour},
		"a run on hold is kept whatever its TTL":     {state: orchestration.Completed, hold: true, ttl: &minute, advance: hour},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			s, clock := newService(store)
			s.Retention = &tc.rule
			run := applied(t, store, taskrun.Proposal{Type: tc.state}, func(r *taskrun.Run) { r.TTL, r.OnHold = tc.ttl, tc.hold })
			clock.Step(tc.advance)
			_, deleted, err := s.Expire(t.Context(), run.ID)
			_, missing := s.Get(t.Context(), run.ID)
			if err != nil || deleted != tc.wantDeleted || errors.Is(missing, taskrun.ErrNotFound) != tc.wantDeleted {
				t.Errorf("deleted = %v, then %v, error %v", deleted, missing, err)
			}
		})
	}
}

func TestFinishedWithoutTTL_visitsOnlyFinishedRunsWithoutTTL(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	for id, run := range map[string]taskrun.Run{
		"0198a1b2-0000-7000-8000-000000000001": {Progress: ended(orchestration.Completed)},
		"0198a1b2-0000-7000-8000-000000000002": {Progress: ended(orchestration.Running)},
		"0198a1b2-0000-7000-8000-000000000003": {Progress: ended(orchestration.Failed), TTL: new(time.Hour)},
	} {
		run.ID, run.DynamicKey, run.Created, run.Updated = id, id, start, start
		if _, err := store.Create(t.Context(), &run); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := s.FinishedWithoutTTL(t.Context(), func(name string) { got = append(got, name) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0198a1b2-0000-7000-8000-000000000001"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func ended(kind orchestration.StateType) orchestration.Progress {
	return orchestration.Progress{State: &orchestration.State{Type: kind, Timestamp: start}}
}

// A user can write a final state to the status without the time of the end.
func TestExpire_countsTTLFromNowWithoutRecordedEnd(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, clock := newService(store)
	s.Retention = &retention{ttl: new(time.Hour)}
	run := applied(t, store, taskrun.Proposal{Type: orchestration.Completed}, func(r *taskrun.Run) { r.EndRecorded = time.Time{} })
	next := *run
	next.EndRecorded = time.Time{}
	if _, err := store.UpdateProgress(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if remaining, deleted, err := s.Expire(t.Context(), run.ID); remaining != 0 || deleted || err != nil {
		t.Errorf("Expire() = %v, %v, error %v, want the run kept", remaining, deleted, err)
	}
	run, err := s.Get(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if at, known := s.Expiration(run); at != nil || known {
		t.Errorf("Expiration() = %v, %v, want unknown", at, known)
	}
	clock.Step(time.Minute)
	observed, err := s.PersistStatus(t.Context(), run.ID)
	if err != nil || observed.EndRecorded.Before(run.Created.Add(time.Minute)) {
		t.Fatalf("the end is recorded as %v, error %v, want now", observed.EndRecorded, err)
	}
	if want := observed.EndRecorded.Add(time.Hour); !observed.ShowsExpiration(&want) {
		t.Errorf("expiration time %v, want %v", observed.ExpirationTime, want)
	}
}
