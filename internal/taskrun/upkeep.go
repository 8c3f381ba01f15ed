package taskrun

import (
	"context"
	"errors"
	"time"
)

// Observe writes the run's progress down where the stored one is missing or
// older than the rest of the run (Run.Behind). Errors: ErrNotFound,
// ErrConflict, ErrUnavailable.
func (s *Service) Observe(ctx context.Context, id string) (*Run, error) {
	var observed *Run
	err := s.update(ctx, id, &claimant{}, func(run *Run) (*Run, error) {
		observed = run
		if !run.Behind {
			return nil, nil //nolint:nilnil // nothing to store
		}
		return run, nil
	}, func(_, after *Run) { observed = after })
	if err != nil {
		return nil, err
	}
	return observed, nil
}

// Expire deletes the run when its TTL has run out since its end was recorded, and
// only as it was read; else it returns how long that is still to come, 0 when the
// run is unfinished or kept for good. Errors: ErrConflict, ErrUnavailable; a
// run that is gone already counts as deleted.
func (s *Service) Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil {
		return 0, errors.Is(err, ErrNotFound), ignoreNotFound(err)
	}
	if run.TTL == nil || !run.Finished() {
		return 0, false, nil
	}
	if remaining = run.EndRecorded.Add(*run.TTL).Sub(s.now()); remaining > 0 {
		return remaining, false, nil
	}
	err = s.Store.Delete(ctx, id, &run.Revision)
	return 0, err == nil || errors.Is(err, ErrNotFound), ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
