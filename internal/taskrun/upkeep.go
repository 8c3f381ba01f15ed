package taskrun

import (
	"context"
	"errors"
	"time"
)

// Observe writes the run's progress down where the stored one is missing or
// older than the rest of the run (Run.Behind), or has an expiration time that no
// longer holds. Errors: ErrNotFound, ErrConflict, ErrUnavailable.
func (s *Service) Observe(ctx context.Context, id string) (*Run, error) {
	return s.observe(ctx, id, nil)
}

// observe is Observe, and sets the ids of objects that were found.
func (s *Service) observe(ctx context.Context, id string, found map[string]string) (*Run, error) {
	var observed *Run
	err := s.update(ctx, id, &claimant{}, func(run *Run) (*Run, error) {
		observed = run
		at, known := s.Expiration(run)
		next := *run
		resolved := next.resolveInputs(found, s.now())
		if !resolved && !run.Behind && !run.endUnknown() && (!known || run.ShowsExpiration(at)) {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next.noteEnd(s.now()) // of a status that does not tell
		return &next, nil
	}, func(_, after *Run) { observed = after })
	if err != nil {
		return nil, err
	}
	return observed, nil
}

// Expire deletes the run if its expiration has passed, and only as it was read;
// else it returns the time until then, 0 if the run is unfinished, on hold or
// kept, or the rule of its namespace is not known. Errors: ErrConflict,
// ErrUnavailable; a run that does not exist counts as deleted.
func (s *Service) Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil {
		return 0, errors.Is(err, ErrNotFound), ignoreNotFound(err)
	}
	at, known := s.Expiration(run)
	if at == nil || !known || run.OnHold {
		return 0, false, nil
	}
	if remaining = at.Sub(s.now()); remaining > 0 {
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
