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

// keepFinished is the Retention that keeps all runs.
type keepFinished struct{}

func (keepFinished) FinishedTTL(string) (*time.Duration, bool) { return nil, true }

// Expiration returns when the run is to be deleted by the current rules: its own
// TTL, or that of its namespace, after the recorded end. A nil time means that the
// run is kept. It returns known false if the rule of the namespace or the end is
// not known yet.
func (s *Service) Expiration(run *taskrun.Run) (at *time.Time, known bool) {
	if !run.Finished() {
		return nil, true
	}
	ttl := run.TTL
	if ttl == nil {
		if ttl, known = s.Retention.FinishedTTL(s.Namespace); ttl == nil || !known {
			return nil, known
		}
	}
	if run.EndUnknown() {
		return nil, false
	}
	due := run.EndRecorded.Add(*ttl)
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
