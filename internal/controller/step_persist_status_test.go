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
		"a run with a current status needs nothing": {
			age: time.Hour, change: func(r *taskrun.Run) { r.StatusStale = false },
		},
		"the status of a new run is not written before the delay": {
			age: 0, wantAfter: 500 * time.Millisecond,
		},
		"the rest of the delay is rounded up": {
			age: 499*time.Millisecond + time.Microsecond, wantAfter: time.Millisecond,
		},
		"the status is written after the delay": {
			age: 500 * time.Millisecond, wantCalls: []string{"PersistStatus"},
		},
		"after a late change of the spec the status is written at once": {
			age: time.Hour, wantCalls: []string{"PersistStatus"},
		},
		"a creation in the future causes no delay": {
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
			result, err := b.persistStatus(t.Context(), s)
			check(t, result, err, tc.wantAfter)
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if len(tc.wantCalls) > 0 && s.run.StatusStale {
				t.Error("the next steps still get a stale run")
			}
		})
	}
}

func TestPersistStatus_waitsForIdleClients(t *testing.T) {
	t.Parallel()
	const low = handler.LowPriority
	cases := map[string]struct {
		age          time.Duration
		idle         time.Duration
		change       func(*taskrun.Run)
		wantAfter    time.Duration
		wantPriority int
		wantCalls    []string
	}{
		"a run created over REST has a low priority": {
			age: 100 * time.Millisecond, idle: time.Hour, wantAfter: 400 * time.Millisecond, wantPriority: low,
		},
		"the status is written after the delay if no client writes": {
			age: 500 * time.Millisecond, idle: idleBeforeWrite, wantCalls: []string{"PersistStatus"},
		},
		"the wait ends at the maximum delay while clients write": {
			age: 500 * time.Millisecond, wantAfter: 29*time.Second + 500*time.Millisecond, wantPriority: low,
		},
		"a short gap between client writes does not count as idle": {
			age: time.Second, idle: idleBeforeWrite - 1, wantAfter: 29 * time.Second, wantPriority: low,
		},
		"the status is written at the maximum delay although clients write": {
			age: 30 * time.Second, wantCalls: []string{"PersistStatus"},
		},
		"a creation in the future causes no delay": {
			age: -time.Hour, wantCalls: []string{"PersistStatus"},
		},
		"a run created with kubectl does not wait for idle clients": {
			age: 100 * time.Millisecond, change: func(r *taskrun.Run) { r.CreatedViaREST = false }, wantAfter: 400 * time.Millisecond,
		},
		"the status of a run created with kubectl is written after the delay": {
			age: 500 * time.Millisecond, change: func(r *taskrun.Run) { r.CreatedViaREST = false }, wantCalls: []string{"PersistStatus"},
		},
		"a run created over REST and changed since does not wait for idle clients": {
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
			b.idle = tc.idle
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

// With all options, a run is checked after StatusWriteDelay and at the maximum delay only,
// while clients keep writing.
func TestPersistStatus_writesAtMaxStatusWriteDelay(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		options   Options
		want      time.Duration // age at the write
		maxChecks int
	}{
		"with the defaults":              {DefaultOptions(), 30 * time.Second, 3},
		"without a delay":                {Options{MaxStatusWriteDelay: time.Second}, time.Second, 2},
		"without a maximum":              {Options{StatusWriteDelay: time.Second}, time.Second, 2},
		"with a maximum below the delay": {Options{StatusWriteDelay: time.Second, MaxStatusWriteDelay: time.Millisecond}, time.Second, 2},
		"without either":                 {Options{}, 0, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(func(r *taskrun.Run) { r.StatusStale, r.CreatedViaREST = true, true }), newObject("hello", object))
			b.Options = tc.options
			checks := 0
			for ; checks < 100 && len(b.runs.calls) == 0; checks++ {
				result, err := reconcileHello(t, b)
				if err != nil {
					t.Fatal(err)
				}
				b.clock.SetTime(b.clock.Now().Add(result.RequeueAfter))
			}
			if age := b.clock.Now().Sub(start); age != tc.want || checks > tc.maxChecks {
				t.Errorf("written down at the age of %v after %d checks, want %v and at most %d", age, checks, tc.want, tc.maxChecks)
			}
		})
	}
}

func TestPersistStatus_returnsErrorOfWrite(t *testing.T) {
	t.Parallel()
	b := newFixture(newRun(func(r *taskrun.Run) { r.StatusStale = true }), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Minute))
	b.runs.errs["PersistStatus"] = taskrun.ErrUnavailable
	if _, err := b.persistStatus(t.Context(), b.scope()); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("error = %v, want %v", err, taskrun.ErrUnavailable)
	}
}
