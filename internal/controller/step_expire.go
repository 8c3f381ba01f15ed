package controller

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// backlogAge is the time after its expiration from which the deletion of a run is
	// limited by backlogLimiter.
	// Other expired runs are deleted at once, so that the deletions keep up with any
	// rate of finished runs.
	backlogAge = time.Minute
	// untilRuleKnown is the wait for the rule of a namespace that was not read yet.
	untilRuleKnown = time.Second
)

// expire deletes a finished run after its TTL, or after that of its namespace.
// Before that it corrects status.expirationTime after a change of the TTL.
func expire(clock clock.PassiveClock, backlog *backlogLimiter, conflicts *expirationConflicts, metrics Metrics) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		at, known := s.runs.Expiration(s.run)
		now := clock.Now()
		switch {
		case !known:
			return lowPriority(untilRuleKnown), nil
		case at == nil || at.After(now):
			return awaitExpiration(ctx, s, backlog, conflicts, at, now)
		case now.Sub(*at) >= backlogAge:
			if wait := backlog.admit(now); wait > 0 {
				return requeueBacklog(wait), nil
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
			return requeueAfter(remaining), nil
		default:
			return Result{}, nil // changed since: an event follows
		}
	}
}

// awaitExpiration returns the time until the run expires, nil for never. If the status
// has another expiration time, because the rule has changed, it corrects the status
// first, unless another program would overwrite it again.
func awaitExpiration(
	ctx context.Context, s *scope, backlog *backlogLimiter, conflicts *expirationConflicts, at *time.Time, now time.Time,
) (Result, error) {
	if !s.run.ShowsExpiration(at) && !overwritten(ctx, s, conflicts, at) {
		if wait := backlog.admit(now); wait > 0 {
			return requeueBacklog(wait), nil
		}
		run, err := s.runs.PersistStatus(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = run
		conflicts.record(run, at, now)
	}
	if at == nil {
		return Result{}, nil
	}
	return requeueAfter(at.Sub(now)), nil
}

// overwritten reports whether another operator overwrites expiration times in the
// namespace, and logs it once.
func overwritten(ctx context.Context, s *scope, conflicts *expirationConflicts, at *time.Time) bool {
	overwritten, isNew := conflicts.detect(s.object.Namespace, s.run, at)
	if isNew {
		log.FromContext(ctx).Info("another operator overwrites status.expirationTime, this one no longer writes it: "+
			"start all operators with the same --finished-ttl and the same permissions on namespaces", "namespace", s.object.Namespace)
	}
	return overwritten
}

// requeueBacklog returns the Result for a retry at the time that a backlogLimiter has
// assigned. It has no upper limit: an earlier retry would only be assigned another time.
func requeueBacklog(wait time.Duration) Result {
	result := lowPriority(minWait)
	result.RequeueAfter = max(wait, minWait)
	return result
}
