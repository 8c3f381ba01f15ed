package usecase

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Retention determines how long finished runs without their own TTL are kept.
type Retention interface {
	// FinishedTTL returns the lifetime of such runs after their end; nil keeps
	// them. It returns known false until the rule of the namespace was read.
	FinishedTTL(namespace string) (ttl *time.Duration, known bool)
}

// KeepFinished is the Retention that keeps all runs.
type KeepFinished struct{}

// FinishedTTL returns nil.
func (KeepFinished) FinishedTTL(string) (*time.Duration, bool) { return nil, true }

// Expiration returns when the run will be deleted by the current rules: its own
// TTL, or that of its namespace, after the recorded end. A nil time means that the
// run is kept. It returns known false if the rule of the namespace or the end is
// not known yet.
func (s *Service) Expiration(run *taskrun.Run) (at *time.Time, known bool) {
	if !run.Finished() {
		return nil, true
	}
	return ExpirationTime(run.TTL, run.EndRecorded, s.Namespace, s.Retention)
}

// ExpirationTime returns when a finished run of any kind will be deleted: after its own TTL,
// else that of its namespace, after its end. A zero end is not known. The results are
// those of Expiration.
func ExpirationTime(own *time.Duration, end time.Time, namespace string, retention Retention) (at *time.Time, known bool) {
	ttl := own
	if ttl == nil {
		if ttl, known = retention.FinishedTTL(namespace); ttl == nil || !known {
			return nil, known
		}
	}
	if end.IsZero() {
		return nil, false
	}
	due := end.Add(*ttl)
	return &due, true
}

// withExpiration returns the run with its current expiration time. While the rule
// of the namespace is unknown, a finished run keeps the time that it has.
func (s *Service) withExpiration(run *taskrun.Run) *taskrun.Run {
	at, known := s.Expiration(run)
	if !known || run.ShowsExpiration(at) {
		return run
	}
	next := *run
	next.ExpirationTime = at
	return &next
}

// FinishedWithoutTTL calls visit with the store's name of each finished run
// without its own TTL. Errors: ErrUnavailable.
func (s *Service) FinishedWithoutTTL(ctx context.Context, visit func(name string)) error {
	return s.Store.Each(ctx, taskrun.Filter{}, func(run *taskrun.Run) {
		if run.TTL == nil && run.Finished() {
			visit(run.Ref.Name)
		}
	})
}
