package usecase

import (
	"context"
	"errors"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// PersistStatus writes the run's progress if the stored one is missing or stale
// (Run.StatusStale), or has an outdated expiration time. Errors: ErrNotFound,
// ErrConflict, ErrUnavailable.
func (s *Service) PersistStatus(ctx context.Context, id string) (*taskrun.Run, error) {
	return s.persistStatus(ctx, id, nil)
}

// persistStatus is PersistStatus. It also sets the ids of objects that were found.
func (s *Service) persistStatus(ctx context.Context, id string, found map[string]string) (*taskrun.Run, error) {
	var observed *taskrun.Run
	err := s.update(ctx, id, &slotClaim{}, func(run *taskrun.Run) (*taskrun.Run, error) {
		observed = run
		at, known := s.Expiration(run)
		next := *run
		resolved := next.ResolveInputs(found, s.now())
		if !resolved && !run.StatusStale && !run.EndUnknown() && (!known || run.ShowsExpiration(at)) {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next.RecordEnd(s.now()) // if the status does not have it
		return &next, nil
	}, func(_, after *taskrun.Run) { observed = after })
	if err != nil {
		return nil, err
	}
	return observed, nil
}

// ResolveInputs is PersistStatus. It also stores the ids of the input runs that the run
// refers to by object name; found holds the ids by these names. An id that is already
// stored does not change. Errors: as PersistStatus.
func (s *Service) ResolveInputs(ctx context.Context, id string, found map[string]string) (*taskrun.Run, error) {
	return s.persistStatus(ctx, id, found)
}

// Expire deletes the run if it has expired and has not changed since it was read.
// Otherwise it returns the time until the expiration, or 0 if the run is unfinished, on
// hold or kept, or if the rule of its namespace is unknown. Errors: ErrConflict,
// ErrUnavailable. A run that does not exist counts as deleted.
func (s *Service) Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil {
		return 0, errors.Is(err, taskrun.ErrNotFound), ignoreNotFound(err)
	}
	at, known := s.Expiration(run)
	if at == nil || !known || run.OnHold {
		return 0, false, nil
	}
	if remaining = at.Sub(s.now()); remaining > 0 {
		return remaining, false, nil
	}
	err = s.Store.Delete(ctx, id, &run.Ref)
	return 0, err == nil || errors.Is(err, taskrun.ErrNotFound), ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil
	}
	return err
}
