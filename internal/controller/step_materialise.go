package controller

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// materialise writes the progress of a run down that has none, or one from
// before its spec changed, so that kubectl shows it. A new run is left alone for
// the settle time: whoever moves it meanwhile writes the same and more.
func materialise(clock taskrun.Clock, settle time.Duration) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		if !s.run.Behind || unjudged(s.run) {
			return Result{}, nil // the verdict's write brings the progress along
		}
		// A creation that lies in the future is the clocks' disagreement: no
		// reason to wait for it.
		age := clock.Now().Sub(s.run.Created)
		if age >= 0 && age < settle {
			return in(settle - age), nil
		}
		run, err := s.runs.Observe(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = run
		return Result{}, nil
	}
}
