package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// calm is how long no client must have written for a run made over REST to
	// be written down. Clients that write one thing after the other leave shorter
	// gaps; where gaps are longer, there is room for a write.
	calm = 20 * time.Millisecond
	// firstLook and longestLook bound the waits for that. In between a run waits
	// as long again as it has waited, so that many that wait cost little.
	firstLook   = 100 * time.Millisecond
	longestLook = 2 * time.Second
)

// materialise writes the progress of a run down that has none, or one from
// before its spec changed, so that kubectl shows it. A new run is left alone for
// the settle time: a client that changes it writes the same and more. One that
// was made over REST gives way to clients until the settle limit: clients of REST
// do not need that write.
func materialise(clock taskrun.Clock, quiet func() time.Duration, o Options) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		if !s.run.StatusStale {
			return Result{}, nil
		}
		age := clock.Now().Sub(s.run.Created)
		wait := o.settling(age)
		if untouched(s.run) {
			if wait == 0 && quiet() < calm {
				wait = o.givingWay(age)
			}
			if wait > 0 {
				return behindOthers(wait), nil
			}
		}
		if wait > 0 {
			return in(wait), nil
		}
		run, err := s.runs.PersistStatus(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = run
		return Result{}, nil
	}
}

// settling is how long a run of this age is still left alone. A creation that
// lies in the future is the clocks' disagreement: no reason to wait for it.
func (o *Options) settling(age time.Duration) time.Duration {
	if age < 0 {
		return 0
	}
	return max(o.SettleTime-age, 0)
}

// givingWay is how long a run of this age, which has settled, waits before it is
// looked at again while clients write.
func (o *Options) givingWay(age time.Duration) time.Duration {
	if age < 0 || age >= o.SettleLimit {
		return 0
	}
	return min(max(age, firstLook), longestLook, o.SettleLimit-age)
}

// untouched reports whether the run was made over REST, and nobody has changed
// its spec since: that may be somebody with kubectl, who looks at the status.
func untouched(run *taskrun.Run) bool {
	return run.CreatedViaREST && run.Ref.Generation <= 1
}

// behindOthers is in, but for a run that lets all others that are due go first.
func behindOthers(d time.Duration) Result {
	result := in(d)
	result.Priority = new(handler.LowPriority)
	return result
}
