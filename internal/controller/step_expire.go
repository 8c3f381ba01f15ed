package controller

import "context"

// expire deletes a finished run once its ttlSecondsAfterFinished have passed.
func expire(metrics Metrics) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		if s.run.TTL == nil || !s.run.Finished() {
			return Result{}, nil
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
			return Result{}, nil // changed meanwhile: its event is on the way
		}
	}
}
