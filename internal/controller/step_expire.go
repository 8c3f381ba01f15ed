package controller

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// backlogAge is how long after its expiration the deletion of a run is paced.
	// A run that expires in the normal course is deleted at once, so that the
	// deletions keep up with any rate of finished runs.
	backlogAge = time.Minute
	// untilRuleKnown is the wait for the rule of a namespace that was not read yet.
	untilRuleKnown = time.Second
)

// expire deletes a finished run after its TTL, or after that of its namespace.
// Before that it keeps status.expirationTime right when the TTL was changed.
func expire(clock taskrun.Clock, pace *pacer, metrics Metrics) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		at, known := s.runs.Expiration(s.run)
		now := clock.Now()
		switch {
		case !known:
			return behindOthers(untilRuleKnown), nil
		case at == nil || at.After(now):
			return awaitExpiration(ctx, s, pace, at, now)
		case now.Sub(*at) >= backlogAge:
			if wait := pace.admit(now); wait > 0 {
				return paced(wait), nil
			}
		}
		remaining, deleted, err := s.runs.Expire(ctx, s.run.ID)
		switch {
		case err != nil:
			return Result{}, err
		case deleted:
			metrics.RunExpired()
			return Result{}, nil
		case remaining > 0:
			return in(remaining), nil
		default:
			return Result{}, nil // changed since: its event follows
		}
	}
}

// awaitExpiration returns the time until the run expires, nil for never. Another
// expiration time in the status, which a change of the rule leaves behind, is
// corrected first.
func awaitExpiration(ctx context.Context, s *scope, pace *pacer, at *time.Time, now time.Time) (Result, error) {
	if !s.run.ShowsExpiration(at) {
		if wait := pace.admit(now); wait > 0 {
			return paced(wait), nil
		}
		run, err := s.runs.Observe(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = run
	}
	if at == nil {
		return Result{}, nil
	}
	return in(at.Sub(now)), nil
}

// paced is the Result of a run that asks again after a wait that a pacer gave. It
// has no upper limit: an earlier question would only get another wait.
func paced(wait time.Duration) Result {
	result := behindOthers(granule)
	result.RequeueAfter = max(wait, granule)
	return result
}
