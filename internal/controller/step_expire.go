package controller

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
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
		e := expiration{clock, backlog, conflicts}
		at, known := s.runs.Expiration(s.run)
		result, deleted, err := e.expire(ctx, &expiring{
			namespace: s.object.Namespace, uid: s.run.Ref.UID, ttl: s.run.TTL, shown: s.run.ExpirationTime, at: at, known: known,
			persist: func(ctx context.Context) error {
				run, err := s.runs.PersistStatus(ctx, s.run.ID)
				if err == nil {
					s.run = run
				}
				return err
			},
			delete: func(ctx context.Context) (time.Duration, bool, error) { return s.runs.Expire(ctx, s.run.ID) },
		})
		if deleted {
			metrics.RunExpired()
		}
		return result, err
	}
}

// expiring is a run of either kind that can expire.
type expiring struct {
	namespace, uid string
	ttl            *time.Duration // its own
	shown          *time.Time     // expiration time in its status
	at             *time.Time     // when it expires; nil: never
	known          bool           // the rule of its namespace was read

	persist func(context.Context) error // writes the status with the expiration time
	delete  func(context.Context) (remaining time.Duration, deleted bool, err error)
}

// expiration is what the expirations of all runs of a controller share.
type expiration struct {
	clock     clock.PassiveClock
	backlog   *backlogLimiter
	conflicts *expirationConflicts
}

// expire is the step expire for a run of either kind. deleted means by this call.
func (e expiration) expire(ctx context.Context, run *expiring) (result Result, deleted bool, err error) {
	now := e.clock.Now()
	switch {
	case !run.known:
		return lowPriority(untilRuleKnown), false, nil
	case run.at == nil || run.at.After(now):
		result, err = e.await(ctx, run, now)
		return result, false, err
	case now.Sub(*run.at) >= backlogAge:
		if wait := e.backlog.admit(now); wait > 0 {
			return requeueBacklog(wait), false, nil
		}
	}
	remaining, deleted, err := run.delete(ctx)
	if err != nil || deleted || remaining <= 0 { // if it has changed since, an event follows
		return Result{}, deleted && err == nil, err
	}
	return requeueAfter(remaining), false, nil
}

// await returns the time until the run expires. If the status has another expiration
// time, because the rule has changed, it corrects the status first, unless another program
// would overwrite it again.
func (e expiration) await(ctx context.Context, run *expiring, now time.Time) (Result, error) {
	if !taskrun.SameExpiration(run.at, run.shown) && !e.overwritten(ctx, run) {
		if wait := e.backlog.admit(now); wait > 0 {
			return requeueBacklog(wait), nil
		}
		if err := run.persist(ctx); err != nil {
			return Result{}, err
		}
		e.conflicts.record(run, run.at, now)
	}
	if run.at == nil {
		return Result{}, nil
	}
	return requeueAfter(run.at.Sub(now)), nil
}

// overwritten reports whether another operator overwrites expiration times in the
// namespace, and logs it once.
func (e expiration) overwritten(ctx context.Context, run *expiring) bool {
	overwritten, isNew := e.conflicts.detect(run.namespace, run, run.at)
	if isNew {
		log.FromContext(ctx).Info("another operator overwrites status.expirationTime, this one no longer writes it: "+
			"start all operators with the same --finished-ttl and the same permissions on namespaces", "namespace", run.namespace)
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
