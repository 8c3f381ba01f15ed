package flows

import (
	"context"
	"errors"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// PersistStatus writes the run's progress if the stored one is missing or stale
// (Run.StatusStale), or has an outdated expiration time. Errors: ErrNotFound,
// ErrUnavailable.
func (s *Service) PersistStatus(ctx context.Context, id string) (*flowrun.Run, error) {
	var observed *flowrun.Run
	err := s.update(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		observed = run
		at, known := s.Expiration(run)
		if !run.StatusStale && (!known || taskrun.SameExpiration(at, run.ExpirationTime)) {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next := *run
		next.RecordEnd(s.now()) // if the status does not have it
		return &next, nil
	}, func(_, after *flowrun.Run) { observed = after })
	if err != nil {
		return nil, err
	}
	return observed, nil
}

// FinishedWithoutTTL calls visit with the store's name of each finished run without its
// own TTL. Errors: ErrUnavailable.
func (s *Service) FinishedWithoutTTL(ctx context.Context, visit func(name string)) error {
	snapshot, err := s.Store.Snapshot(ctx)
	if err != nil {
		return err
	}
	for run := range snapshot.Runs() {
		if run.TTL == nil && run.Finished() {
			visit(run.Ref.Name)
		}
	}
	return nil
}

// Expire deletes the run if it has expired and has not changed since it was read, but not
// its task runs, which have lifetimes of their own. Otherwise it returns the time until
// the expiration, or 0 if the run is unfinished or kept, or if the rule of its namespace
// is unknown. Errors: ErrConflict, ErrUnavailable. A run that does not exist counts as
// deleted.
func (s *Service) Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil {
		return 0, errors.Is(err, taskrun.ErrNotFound), ignoreNotFound(err)
	}
	at, known := s.Expiration(run)
	if at == nil || !known {
		return 0, false, nil
	}
	if remaining = at.Sub(s.now()); remaining > 0 {
		return remaining, false, nil
	}
	err = s.Store.Delete(ctx, id, &run.Ref)
	return 0, err == nil || errors.Is(err, taskrun.ErrNotFound), ignoreNotFound(err)
}
