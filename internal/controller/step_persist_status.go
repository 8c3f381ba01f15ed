package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// idleBeforeWrite is the time without client writes before the status of a run that was
// created over REST is written. A busy client leaves shorter gaps.
const idleBeforeWrite = 20 * time.Millisecond

// persistStatus writes the status of a run that has none, or one from before the
// latest change of its spec, so that kubectl shows it. It waits for
// StatusWriteDelay after the creation: a client that changes the state within this
// time writes the status too. A run that was created over REST also waits for idle
// clients, for at most MaxStatusWriteDelay: clients of REST do not need the write.
func (r *Reconciler) persistStatus(ctx context.Context, s *scope) (Result, error) {
	if !s.run.StatusStale {
		return Result{}, nil
	}
	wait := r.awaitStatus(r.Clock.Now().Sub(s.run.Created), onlyWrittenByREST(s.run), r.IdleFor, func() {
		r.waiting.add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(s.object)})
	})
	if !wait.IsZero() {
		return wait, nil
	}
	run, err := s.runs.PersistStatus(ctx, s.run.ID)
	if err != nil {
		return Result{}, err
	}
	s.run = run
	return Result{}, nil
}

// awaitStatus returns the wait until the first status of a run of this age is written;
// zero: now. A run that can yield waits for idle clients, too: yield is called then.
func (o *Options) awaitStatus(age time.Duration, canYield bool, idleFor func() time.Duration, yield func()) Result {
	wait := o.statusDelay(age)
	switch {
	case wait > 0 && canYield:
		return lowPriority(wait)
	case wait > 0:
		return requeueAfter(wait)
	case canYield && idleFor() < idleBeforeWrite:
		if wait := o.yieldDelay(age); wait > 0 {
			yield()
			return lowPriority(wait)
		}
	}
	return Result{}
}

// statusDelay returns the rest of StatusWriteDelay for a run of this age. A creation
// time in the future is a difference of clocks and causes no delay.
func (o *Options) statusDelay(age time.Duration) time.Duration {
	if age < 0 {
		return 0
	}
	return max(o.StatusWriteDelay-age, 0)
}

// yieldDelay returns the rest of MaxStatusWriteDelay for a run of this age. A creation time
// in the future causes no delay.
func (o *Options) yieldDelay(age time.Duration) time.Duration {
	if age < 0 {
		return 0
	}
	return max(o.MaxStatusWriteDelay-age, 0)
}

// onlyWrittenByREST reports whether the run was created over REST and its spec has not
// changed since. A change of the spec can come from a kubectl user, who needs the status.
func onlyWrittenByREST(run *taskrun.Run) bool {
	return run.CreatedViaREST && run.Ref.Generation <= 1
}

// lowPriority is requeueAfter with a lower priority than other due runs.
func lowPriority(d time.Duration) Result {
	result := requeueAfter(d)
	result.Priority = new(handler.LowPriority)
	return result
}
