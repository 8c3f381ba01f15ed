package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestExpire(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	cases := map[string]struct {
		ttl         *time.Duration
		state       orchestration.StateType
		remaining   time.Duration
		deleted     bool
		wantAfter   time.Duration
		wantCalls   []string
		wantMetrics []string
	}{
		"a run without a TTL is not looked at": {
			state: orchestration.Completed,
		},
		"an unfinished run is not looked at": {
			ttl: &minute, state: orchestration.Running,
		},
		"a finished run is kept for the rest of its TTL": {
			ttl: &minute, state: orchestration.Completed, remaining: 30 * time.Second,
			wantAfter: 30 * time.Second, wantCalls: []string{"Expire"},
		},
		"a run deleted after its TTL is counted": {
			ttl: &minute, state: orchestration.Failed, deleted: true,
			wantCalls: []string{"Expire"}, wantMetrics: []string{"expired"},
		},
		"a run that changed meanwhile waits for its event": {
			ttl: &minute, state: orchestration.Crashed,
			wantCalls: []string{"Expire"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(newRun(func(r *taskrun.Run) { r.TTL, r.State = tc.ttl, newState(tc.state) }), newObject("hello", object))
			b.runs.expire = func(*taskrun.Run) (time.Duration, bool) { return tc.remaining, tc.deleted }
			result, err := expire(b.metrics)(t.Context(), b.scope())
			check(t, result, err, tc.wantAfter)
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantMetrics, b.metrics.names()); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpireCountsNothingThatFailed(t *testing.T) {
	t.Parallel()
	b := newBench(newRun(func(r *taskrun.Run) { r.TTL, r.State = new(time.Duration), newState(orchestration.Completed) }),
		newObject("hello", object))
	b.runs.errs["Expire"] = taskrun.ErrConflict
	if _, err := expire(b.metrics)(t.Context(), b.scope()); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("error = %v, want %v", err, taskrun.ErrConflict)
	}
	if got := b.metrics.names(); len(got) > 0 {
		t.Errorf("metrics = %v, want none", got)
	}
}
