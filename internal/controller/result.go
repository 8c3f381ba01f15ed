package controller

import (
	"context"
	"errors"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Result has the time of the next reconciliation. Zero: after the next change.
type Result = ctrl.Result

const (
	// minWait is the unit to which waits are rounded up. A wait that ends just before
	// the due time would be repeated many times.
	minWait = time.Millisecond
	// maxWait limits every wait. Waits use the monotonic clock, due times the wall
	// clock. After a step of the wall clock or a sleep of the machine, a due time is
	// noticed at most this much later.
	maxWait = 5 * time.Minute
	// afterConflict is the wait after repeated conflicts.
	afterConflict = 100 * time.Millisecond
)

// requeueAfter returns the Result for a reconciliation after d, rounded up to minWait
// and limited to maxWait.
func requeueAfter(d time.Duration) Result {
	if d >= maxWait {
		return Result{RequeueAfter: maxWait}
	}
	d = max(d, minWait)
	return Result{RequeueAfter: (d + minWait - 1).Truncate(minWait)}
}

// earliest returns the Result with the shorter wait that is not zero.
func earliest(a, b Result) Result {
	switch {
	case a.RequeueAfter == 0:
		return b
	case b.RequeueAfter == 0 || a.RequeueAfter <= b.RequeueAfter:
		return a
	default:
		return b
	}
}

// conclude returns the result for the queue. Errors are retried with backoff, unless a
// retry cannot succeed.
func conclude(ctx context.Context, result Result, err error) (Result, error) {
	var invalid *taskrun.InvalidError
	switch {
	case err == nil:
		return result, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return Result{}, nil // shutdown: the next start reconciles every run
	case errors.Is(err, taskrun.ErrNotFound):
		return Result{}, nil
	case errors.Is(err, taskrun.ErrConflict):
		return requeueAfter(afterConflict), nil
	case errors.As(err, &invalid):
		return Result{}, reconcile.TerminalError(err)
	default:
		return Result{}, err
	}
}
