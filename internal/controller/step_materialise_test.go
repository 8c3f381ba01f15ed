package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestMaterialise(t *testing.T) {
	t.Parallel()
	proposal := &taskrun.Proposal{Type: "CANCELLED"}
	cases := map[string]struct {
		age       time.Duration
		change    func(*taskrun.Run)
		wantAfter time.Duration
		wantCalls []string
	}{
		"a run whose status is up to date needs nothing": {
			age: time.Hour, change: func(r *taskrun.Run) { r.Behind = false },
		},
		"a new run is left alone for the settle time": {
			age: 0, wantAfter: 500 * time.Millisecond,
		},
		"the rest of the settle time is rounded up": {
			age: 499*time.Millisecond + time.Microsecond, wantAfter: time.Millisecond,
		},
		"a run that settled is written down": {
			age: 500 * time.Millisecond, wantCalls: []string{"Observe"},
		},
		"a run whose spec changed long after its creation is written down at once": {
			age: time.Hour, wantCalls: []string{"Observe"},
		},
		"a creation in the future is not waited for": {
			age: -time.Hour, wantCalls: []string{"Observe"},
		},
		"a run about to be judged is left to that write": {
			age: time.Hour, change: func(r *taskrun.Run) { r.Proposal, r.ProposalDigest = proposal, "d1" },
		},
		"a run that was judged before its spec changed is written down": {
			age: time.Hour, change: func(r *taskrun.Run) {
				r.Proposal, r.ProposalDigest = proposal, "d1"
				r.Transition = &taskrun.Transition{Digest: "d1"}
			},
			wantCalls: []string{"Observe"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(newRun(func(r *taskrun.Run) {
				r.Behind = true
				if tc.change != nil {
					tc.change(r)
				}
			}), newObject("hello", object))
			b.clock.SetTime(start.Add(tc.age))
			s := b.scope()
			result, err := materialise(b.clock, b.SettleTime)(t.Context(), s)
			check(t, result, err, tc.wantAfter)
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if len(tc.wantCalls) > 0 && s.run.Behind {
				t.Error("the next steps still see the run behind")
			}
		})
	}
}

func TestMaterialiseReturnsTheErrorOfItsWrite(t *testing.T) {
	t.Parallel()
	b := newBench(newRun(func(r *taskrun.Run) { r.Behind = true }), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Minute))
	b.runs.errs["Observe"] = taskrun.ErrUnavailable
	if _, err := materialise(b.clock, b.SettleTime)(t.Context(), b.scope()); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("error = %v, want %v", err, taskrun.ErrUnavailable)
	}
}
