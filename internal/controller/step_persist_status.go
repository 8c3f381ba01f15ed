package controller

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// idleBeforeWrite is the time without client writes before the status of a run that
	// was created over REST is written. A busy client leaves shorter gaps.
	idleBeforeWrite = 20 * time.Millisecond
	// minYield and maxYield limit the wait for idle clients. The wait doubles the age of
	// the run, so that many waiting runs cost little.
	minYield = 100 * time.Millisecond
	maxYield = 2 * time.Second
)

// persistStatus writes the status of a run that has none, or one from before the
// latest change of its spec, so that kubectl shows it. It waits for
// StatusWriteDelay after the creation: a client that changes the state within this
// time writes the status too. A run that was created over REST also waits for idle
// clients, for at most MaxStatusWriteDelay: clients of REST do not need the write.
func persistStatus(clock clock.PassiveClock, idleFor func() time.Duration, o Options) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		if !s.run.StatusStale {
			return Result{}, nil
		}
		age := clock.Now().Sub(s.run.Created)
		wait := o.statusDelay(age)
		if onlyWrittenByREST(s.run) {
			if wait == 0 && idleFor() < idleBeforeWrite {
				wait = o.yieldDelay(age)
			}
			if wait > 0 {
				return lowPriority(wait), nil
			}
		}
		if wait > 0 {
			return requeueAfter(wait), nil
		}
		run, err := s.runs.PersistStatus(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = run
		return Result{}, nil
	}
}

// statusDelay returns the rest of StatusWriteDelay for a run of this age. A creation
// time in the future is a difference of clocks and causes no delay.
func (o *Options) statusDelay(age time.Duration) time.Duration {
	if age < 0 {
		return 0
	}
	return max(o.StatusWriteDelay-age, 0)
}

// yieldDelay returns the time until the next check for idle clients, for a run of this
// age after StatusWriteDelay.
func (o *Options) yieldDelay(age time.Duration) time.Duration {
	if age < 0 || age >= o.MaxStatusWriteDelay {
		return 0
	}
	return min(max(age, minYield), maxYield, o.MaxStatusWriteDelay-age)
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
