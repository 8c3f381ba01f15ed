package controller

import (
	"context"
	"time"
)

// expire deletes a finished run after its TTL, or after that of its namespace, as the step
// expire of TaskRuns. The garbage collector deletes the RunData of the run.
func (r *FlowReconciler) expire(ctx context.Context, s *flowScope) (Result, error) {
	if s.moreChildren {
		return Result{}, nil // they are found by their flow run
	}
	at, known := s.runs.Expiration(s.run)
	result, deleted, err := expiration{r.Clock, &r.backlog, &r.conflicts}.expire(ctx, &expiring{
		namespace: s.request.Namespace, uid: s.run.Ref.UID, ttl: s.run.TTL, shown: s.run.ExpirationTime, at: at, known: known,
		persist: func(ctx context.Context) error {
			run, err := s.runs.PersistStatus(ctx, s.run.ID)
			if err == nil {
				s.run = run
			}
			return err
		},
		delete: func(ctx context.Context) (time.Duration, bool, error) { return s.runs.Expire(ctx, s.run.ID) },
	})
	if deleted && r.Expired != nil {
		r.Expired()
	}
	return result, err
}
