package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestPersistStatus(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		age       time.Duration
		change    func(*taskrun.Run)
		wantAfter time.Duration
		wantCalls []string
	}{
		"a run whose status is up to date needs nothing": {
			age: time.Hour, change: func(r *taskrun.Run) { r.StatusStale = false },
		},
		"a new run is left alone for the settle time": {
			age: 0, wantAfter: 500 * time.Millisecond,
		},
		"the rest of the settle time is rounded up": {
			age: 499*time.Millisecond + time.Microsecond, wantAfter: time.Millisecond,
		},
		"a run that settled is written down": {
			age: 500 * time.Millisecond, wantCalls: []string{"PersistStatus"},
		},
		"a run whose spec changed long after its creation is written down at once": {
			age: time.Hour, wantCalls: []string{"PersistStatus"},
		},
		"a creation in the future is not waited for": {
			age: -time.Hour, wantCalls: []string{"PersistStatus"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(func(r *taskrun.Run) {
				r.StatusStale = true
				if tc.change != nil {
					tc.change(r)
				}
			}), newObject("hello", object))
			b.clock.SetTime(start.Add(tc.age))
			s := b.scope()
			result, err := persistStatus(b.clock, b.IdleFor, b.Options)(t.Context(), s)
			check(t, result, err, tc.wantAfter)
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if len(tc.wantCalls) > 0 && s.run.StatusStale {
				t.Error("the next steps still see the run behind")
			}
		})
	}
}

func TestPersistStatus_waitsForIdleClients(t *testing.T) {
	t.Parallel()
	const low = handler.LowPriority
	cases := map[string]struct {
		age          time.Duration
		quiet        time.Duration
		change       func(*taskrun.Run)
		wantAfter    time.Duration
		wantPriority int
		wantCalls    []string
	}{
		"a run made over REST settles behind all others": {
			age: 100 * time.Millisecond, quiet: time.Hour, wantAfter: 400 * time.Millisecond, wantPriority: low,
		},
		"it is written down as soon as it settled if no client writes": {
			age: 500 * time.Millisecond, quiet: idleBeforeWrite, wantCalls: []string{"PersistStatus"},
		},
		"it waits as long again as it has waited while clients write": {
			age: 500 * time.Millisecond, wantAfter: 500 * time.Millisecond, wantPriority: low,
		},
		"a gap that is too short for a write is none": {
			age: time.Second, quiet: idleBeforeWrite - 1, wantAfter: time.Second, wantPriority: low,
		},
		"it never waits for long without another look": {
			age: 20 * time.Second, wantAfter: 2 * time.Second, wantPriority: low,
		},
		"it never waits beyond the limit": {
			age: 29 * time.Second, wantAfter: time.Second, wantPriority: low,
		},
		"it is written down at the limit though clients write": {
			age: 30 * time.Second, wantCalls: []string{"PersistStatus"},
		},
		"a creation in the future is not waited for": {
			age: -time.Hour, wantCalls: []string{"PersistStatus"},
		},
		"a run of somebody with kubectl settles as ever though clients write": {
			age: 100 * time.Millisecond, change: func(r *taskrun.Run) { r.CreatedViaREST = false }, wantAfter: 400 * time.Millisecond,
		},
		"and is written down then": {
			age: 500 * time.Millisecond, change: func(r *taskrun.Run) { r.CreatedViaREST = false }, wantCalls: []string{"PersistStatus"},
		},
		"so is a run made over REST that somebody changed": {
			age: time.Second, change: func(r *taskrun.Run) { r.Ref.Generation = 2 }, wantCalls: []string{"PersistStatus"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(func(r *taskrun.Run) {
				r.StatusStale, r.CreatedViaREST = true, true
				if tc.change != nil {
					tc.change(r)
				}
			}), newObject("hello", object))
			b.clock.SetTime(start.Add(tc.age))
			b.quiet = tc.quiet
			result, err := reconcileHello(t, b)
			check(t, result, err, tc.wantAfter)
			priority := 0
			if result.Priority != nil {
				priority = *result.Priority
			}
			if priority != tc.wantPriority {
				t.Errorf("priority = %d, want %d", priority, tc.wantPriority)
			}
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the options: a run among clients that never stop is looked at a few
// times, and written down at the limit.
func TestPersistStatus_writesAtSettleLimit(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		options   Options
		want      time.Duration // age when written
		mostLooks int
	}{
		"with the defaults":          {DefaultOptions(), 30 * time.Second, 20},
		"without a settle time":      {Options{SettleLimit: time.Second}, time.Second, 6},
		"without a limit":            {Options{SettleTime: time.Second}, time.Second, 2},
		"with a limit that is short": {Options{SettleTime: time.Second, SettleLimit: time.Millisecond}, time.Second, 2},
		"without either":             {Options{}, 0, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(func(r *taskrun.Run) { r.StatusStale, r.CreatedViaREST = true, true }), newObject("hello", object))
			b.Options = tc.options
			looks := 0
			for ; looks < 100 && len(b.runs.calls) == 0; looks++ {
				result, err := reconcileHello(t, b)
				if err != nil {
					t.Fatal(err)
				}
				b.clock.SetTime(b.clock.Now().Add(result.RequeueAfter))
			}
			if age := b.clock.Now().Sub(start); age != tc.want || looks > tc.mostLooks {
				t.Errorf("written down at the age of %v after %d looks, want %v and at most %d", age, looks, tc.want, tc.mostLooks)
			}
		})
	}
}

func TestPersistStatus_returnsErrorOfWrite(t *testing.T) {
	t.Parallel()
	b := newFixture(newRun(func(r *taskrun.Run) { r.StatusStale = true }), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Minute))
	b.runs.errs["PersistStatus"] = taskrun.ErrUnavailable
	if _, err := persistStatus(b.clock, b.IdleFor, b.Options)(t.Context(), b.scope()); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("error = %v, want %v", err, taskrun.ErrUnavailable)
	}
}
