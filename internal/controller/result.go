package controller

import (
	"context"
	"errors"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Result tells when a run is to be looked at again; the zero Result: when it changes.
type Result = ctrl.Result

const (
	// granule is the unit waits are rounded up to: a wait that ends a hair
	// before its time would be asked for again and again.
	granule = time.Millisecond
	// longestWait bounds every wait. Waits run on the monotonic clock, due
	// times are on the wall clock: after that clock stepped, or the machine
	// slept, a due time is noticed this late at the most.
	longestWait = 5 * time.Minute
	// afterConflict is the wait after other writers won every time.
	afterConflict = 100 * time.Millisecond
)

// in returns the Result that comes back after d: rounded up, never at once,
// never later than longestWait.
func in(d time.Duration) Result {
	if d >= longestWait {
		return Result{RequeueAfter: longestWait}
	}
	d = max(d, granule)
	return Result{RequeueAfter: (d + granule - 1).Truncate(granule)}
}

// soonest joins two results: the least wait that is not zero wins.
func soonest(a, b Result) Result {
	switch {
	case a.RequeueAfter == 0:
		return b
	case b.RequeueAfter == 0 || a.RequeueAfter <= b.RequeueAfter:
		return a
	default:
		return b
	}
}

// conclude turns what the steps returned into what the queue is told. An error
// is tried again with backoff, unless trying again can do nothing.
func conclude(ctx context.Context, result Result, err error) (Result, error) {
	var invalid *taskrun.InvalidError
	switch {
	case err == nil:
		return result, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return Result{}, nil // stopping: the next start looks at every run
	case errors.Is(err, taskrun.ErrNotFound):
		return Result{}, nil
	case errors.Is(err, taskrun.ErrConflict):
		return in(afterConflict), nil
	case errors.As(err, &invalid):
		return Result{}, reconcile.TerminalError(err)
	default:
		return Result{}, err
	}
}
