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
		"a whole number of milliseconds is kept":    {5 * time.Second, 5 * time.Second},
		"a fraction is rounded up":                  {5*time.Second + time.Nanosecond, 5*time.Second + time.Millisecond},
		"a due time that is now has a minimum wait": {0, time.Millisecond},
		"a due time in the past has a minimum wait": {-time.Hour, time.Millisecond},
		"a nanosecond is a millisecond":             {time.Nanosecond, time.Millisecond},
		"a long wait is limited":                    {time.Hour, 5 * time.Minute},
		"the longest Duration does not overflow":    {math.MaxInt64, 5 * time.Minute},
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
		"two zero results":        {0, 0, 0},
		"zero and a wait":         {0, time.Hour, time.Hour},
		"a wait and zero":         {time.Hour, 0, time.Hour},
		"the shorter wait first":  {time.Second, time.Minute, time.Second},
		"the shorter wait second": {time.Minute, time.Second, time.Second},
		"equal waits":             {time.Second, time.Second, time.Second},
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
		"no error":              {want: wait},
		"a deleted run is done": {err: taskrun.ErrNotFound},
		"a wrapped error":       {err: fmt.Errorf("judging: %w", taskrun.ErrNotFound)},
		"conflicts are retried after a short wait":          {err: taskrun.ErrConflict, want: requeueAfter(afterConflict)},
		"an unavailable store is retried with backoff":      {err: taskrun.ErrUnavailable, wantErr: taskrun.ErrUnavailable},
		"an unknown error is retried with backoff":          {err: strange, wantErr: strange},
		"an invalid value is not retried":                   {err: &taskrun.InvalidError{Field: "state"}, terminal: true},
		"calls that the shutdown canceled are not reported": {err: context.Canceled, stopped: true},
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
