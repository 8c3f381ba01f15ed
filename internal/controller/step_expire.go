package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

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
func expire(clock taskrun.Clock, pace *pacer, corrected *corrections, metrics Metrics) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		at, known := s.runs.Expiration(s.run)
		now := clock.Now()
		switch {
		case !known:
			return behindOthers(untilRuleKnown), nil
		case at == nil || at.After(now):
			return awaitExpiration(ctx, s, pace, corrected, at, now)
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
// corrected first, unless another program would overwrite it again.
func awaitExpiration(
	ctx context.Context, s *scope, pace *pacer, corrected *corrections, at *time.Time, now time.Time,
) (Result, error) {
	if !s.run.ShowsExpiration(at) && !overwritten(ctx, s, corrected, at) {
		if wait := pace.admit(now); wait > 0 {
			return paced(wait), nil
		}
		run, err := s.runs.PersistStatus(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = run
		corrected.note(run, at, now)
	}
	if at == nil {
		return Result{}, nil
	}
	return in(at.Sub(now)), nil
}

// overwritten reports whether another program overwrites expiration times in the
// namespace, and tells it once.
func overwritten(ctx context.Context, s *scope, corrected *corrections, at *time.Time) bool {
	overwritten, isNew := corrected.overwritten(s.object.Namespace, s.run, at)
	if isNew {
		log.FromContext(ctx).Info("another program overwrites status.expirationTime, this one no longer writes it: "+
			"start all with the same --finished-ttl and the same permissions on namespaces", "namespace", s.object.Namespace)
	}
	return overwritten
}

// paced is the Result of a run that asks again after a wait that a pacer gave. It
// has no upper limit: an earlier question would only get another wait.
func paced(wait time.Duration) Result {
	result := behindOthers(granule)
	result.RequeueAfter = max(wait, granule)
	return result
}
