package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestExpire(t *testing.T) {
	t.Parallel()
	minute, hour := time.Minute, time.Hour
	at := func(d time.Duration) *time.Time { return new(start.Add(d)) }
	cases := map[string]struct {
		ttl        *time.Duration
		defaultTTL *time.Duration
		unknown    bool
		shown      *time.Time
		state      orchestration.StateType
		after      time.Duration // since the recorded end
		stale      bool          // the run changed since it was read
		spent      int           // number of recent writes of a backlog

		wantAfter   time.Duration
		wantLow     bool // the wait has a low priority
		wantCalls   []string
		wantShown   *time.Time
		wantMetrics []string
	}{
		"a run without a TTL is kept": {state: orchestration.Completed, after: hour},
		"an unfinished run is kept":   {ttl: &minute, state: orchestration.Running, after: hour},
		"an unfinished run is kept despite the default": {
			defaultTTL: &minute, state: orchestration.Running, after: hour,
		},
		"a finished run is kept for the rest of its TTL": {
			ttl: &minute, shown: at(minute), state: orchestration.Completed, after: 20 * time.Second,
			wantAfter: 40 * time.Second, wantShown: at(minute),
		},
		"a run deleted after its TTL is counted": {
			ttl: &minute, shown: at(minute), state: orchestration.Failed, after: minute,
			wantCalls: []string{"Expire"}, wantShown: at(minute), wantMetrics: []string{"expired"},
		},
		"the default applies to a run without a TTL": {
			defaultTTL: &minute, shown: at(minute), state: orchestration.Cancelled, after: minute,
			wantCalls: []string{"Expire"}, wantShown: at(minute), wantMetrics: []string{"expired"},
		},
		"its own TTL overrides a shorter default": {
			ttl: &minute, defaultTTL: new(time.Second), shown: at(minute), state: orchestration.Completed, after: 30 * time.Second,
			wantAfter: 30 * time.Second, wantShown: at(minute),
		},
		"its own TTL overrides a longer default": {
			ttl: &minute, defaultTTL: &hour, shown: at(minute), state: orchestration.Completed, after: minute,
			wantCalls: []string{"Expire"}, wantShown: at(minute), wantMetrics: []string{"expired"},
		},
		"an unknown default deletes nothing": {
			unknown: true, shown: at(minute), state: orchestration.Completed, after: hour,
			wantAfter: untilRuleKnown, wantLow: true, wantShown: at(minute),
		},
		"its own TTL does not need the default": {
			ttl: &minute, unknown: true, shown: at(minute), state: orchestration.Completed, after: minute,
			wantCalls: []string{"Expire"}, wantShown: at(minute), wantMetrics: []string{"expired"},
		},
		"a run that has changed waits for its event": {
			ttl: &minute, shown: at(minute), state: orchestration.Crashed, after: minute, stale: true,
			wantCalls: []string{"Expire"}, wantShown: at(minute),
		},
		"a new default is written": {
			defaultTTL: &hour, state: orchestration.Completed, after: minute,
			wantAfter: maxWait, wantCalls: []string{"PersistStatus"}, wantShown: at(hour),
		},
		"a changed default is written": {
			defaultTTL: new(2 * minute), shown: at(hour), state: orchestration.Completed, after: minute,
			wantAfter: minute, wantCalls: []string{"PersistStatus"}, wantShown: at(2 * minute),
		},
		"a removed default is removed": {
			shown: at(hour), state: orchestration.Completed, after: minute, wantCalls: []string{"PersistStatus"},
		},
		"an equal second is not written again": {
			defaultTTL: &hour, shown: at(hour - 900*time.Millisecond), state: orchestration.Completed, after: hour - minute,
			wantAfter: minute, wantShown: at(hour - 900*time.Millisecond),
		},
		"writes of expiration times are limited": {
			defaultTTL: &hour, state: orchestration.Completed, after: minute, spent: backlogBurst,
			wantAfter: backlogInterval, wantLow: true,
		},
		"a recently expired run is not limited": {
			ttl: &minute, shown: at(minute), state: orchestration.Completed, after: 2*minute - 1, spent: backlogBurst,
			wantCalls: []string{"Expire"}, wantShown: at(minute), wantMetrics: []string{"expired"},
		},
		"a backlog is deleted": {
			defaultTTL: &minute, state: orchestration.Completed, after: 2 * minute, spent: backlogBurst - 1,
			wantCalls: []string{"Expire"}, wantMetrics: []string{"expired"},
		},
		"deletions of a backlog are limited": {
			defaultTTL: &minute, state: orchestration.Completed, after: 2 * minute, spent: backlogBurst,
			wantAfter: backlogInterval, wantLow: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(func(r *taskrun.Run) {
				r.TTL, r.State, r.ExpirationTime = tc.ttl, newState(tc.state), tc.shown
				if r.Finished() {
					r.EndRecorded = start
				}
			}), newObject("hello", object))
			b.clock.SetTime(start.Add(tc.after))
			b.runs.defaultTTL, b.runs.unknown = tc.defaultTTL, tc.unknown
			b.runs.expire = func(*taskrun.Run) (time.Duration, bool) { return 0, !tc.stale }
			for range tc.spent {
				b.backlog.admit(b.clock.Now())
			}
			s := b.scope()
			result, err := expire(b.clock, &b.backlog, &b.conflicts, b.metrics)(t.Context(), s)
			check(t, result, err, tc.wantAfter)
			if low := result.Priority != nil && *result.Priority == handler.LowPriority; low != tc.wantLow {
				t.Errorf("low priority = %v, want %v", low, tc.wantLow)
			}
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantShown, s.run.ExpirationTime); diff != "" {
				t.Errorf("expiration time of the run (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantMetrics, b.metrics.names()); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpire_doesNotCountFailure(t *testing.T) {
	t.Parallel()
	for call, shown := range map[string]*time.Time{"Expire": new(start), "PersistStatus": nil} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			ttl := new(time.Duration)
			if call == "PersistStatus" {
				ttl = new(time.Hour)
			}
			b := newFixture(newRun(func(r *taskrun.Run) {
				r.TTL, r.State, r.EndRecorded, r.ExpirationTime = ttl, newState(orchestration.Completed), start, shown
			}), newObject("hello", object))
			b.runs.errs[call] = taskrun.ErrConflict
			if _, err := expire(b.clock, &b.backlog, &b.conflicts, b.metrics)(t.Context(), b.scope()); !errors.Is(err, taskrun.ErrConflict) {
				t.Errorf("error = %v, want %v", err, taskrun.ErrConflict)
			}
			if got := b.metrics.names(); len(got) > 0 {
				t.Errorf("metrics = %v, want none", got)
			}
		})
	}
}
