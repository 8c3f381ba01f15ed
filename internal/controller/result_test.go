package controller

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestRequeueAfter(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ wait, want time.Duration }{
		"a whole number of milliseconds is kept":             {5 * time.Second, 5 * time.Second},
		"a fraction is rounded up, never down":               {5*time.Second + time.Nanosecond, 5*time.Second + time.Millisecond},
		"a due time that is now does not come back at once":  {0, time.Millisecond},
		"a due time that is past does not come back at once": {-time.Hour, time.Millisecond},
		"a hair is a millisecond":                            {time.Nanosecond, time.Millisecond},
		"a long wait is looked at on the way":                {time.Hour, 5 * time.Minute},
		"the longest wait there is does not overflow":        {math.MaxInt64, 5 * time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := requeueAfter(tc.wait).RequeueAfter; got != tc.want {
				t.Errorf("in(%v) = %v, want %v", tc.wait, got, tc.want)
			}
		})
	}
}

func TestEarliest(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ a, b, want time.Duration }{
		"nothing and nothing is nothing":          {0, 0, 0},
		"nothing does not win over a wait":        {0, time.Hour, time.Hour},
		"nothing after a wait does not win":       {time.Hour, 0, time.Hour},
		"the shorter wait wins when it is first":  {time.Second, time.Minute, time.Second},
		"the shorter wait wins when it is second": {time.Minute, time.Second, time.Second},
		"equal waits are one":                     {time.Second, time.Second, time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := earliest(Result{RequeueAfter: tc.a}, Result{RequeueAfter: tc.b}).RequeueAfter
			if got != tc.want {
				t.Errorf("soonest(%v, %v) = %v, want %v", tc.a, tc.b, got, tc.want)
			}
		})
	}
}

func TestConclude(t *testing.T) {
	t.Parallel()
	strange := errors.New("strange")
	wait := Result{RequeueAfter: time.Second}
	cases := map[string]struct {
		err      error
		stopped  bool
		want     Result
		wantErr  error
		terminal bool
	}{
		"without an error the result stands":                     {want: wait},
		"a run that is gone is done":                             {err: taskrun.ErrNotFound},
		"a wrapped error counts as what it wraps":                {err: fmt.Errorf("judging: %w", taskrun.ErrNotFound)},
		"lost races are tried again a little later":              {err: taskrun.ErrConflict, want: requeueAfter(afterConflict)},
		"an unreachable store is tried again with backoff":       {err: taskrun.ErrUnavailable, wantErr: taskrun.ErrUnavailable},
		"an unknown error is tried again with backoff":           {err: strange, wantErr: strange},
		"what is beyond a bound stays so and is not tried again": {err: &taskrun.InvalidError{Field: "state"}, terminal: true},
		"nothing is reported about calls cut off by stopping":    {err: context.Canceled, stopped: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.stopped {
				cancel()
			}
			got, err := conclude(ctx, wait, tc.err)
			if got != tc.want {
				t.Errorf("result = %+v, want %+v", got, tc.want)
			}
			if terminal := errors.Is(err, reconcile.TerminalError(nil)); terminal != tc.terminal {
				t.Errorf("error %v: terminal = %v, want %v", err, terminal, tc.terminal)
			}
			if !tc.terminal && !errors.Is(err, tc.wantErr) {
				t.Errorf("error = %v, want %v", err, tc.wantErr)
			}
		})
	}
}
