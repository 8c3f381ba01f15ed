package usecase

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Cancel makes a run CANCELLED by force, if it has not ended. The run is checked as it is
// at the write, so an end that is stored in between stays. Errors: ErrNotFound,
// *InvalidError, ErrConflict, ErrUnavailable.
func (s *Service) Cancel(ctx context.Context, id, message string) error {
	p := taskrun.Proposal{Type: orchestration.Cancelled, Message: &message, Force: true}.Fit()
	claim := s.newSlotClaim()
	var decision orchestration.Decision
	return s.update(ctx, id, claim, func(run *taskrun.Run) (*taskrun.Run, error) {
		if run.Finished() {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next, outcome, err := s.decide(ctx, run, p, claim, s.now())
		decision = outcome.Decision
		return next, err
	}, func(before, after *taskrun.Run) { s.Notifier.Transitioned(before, after, decision) })
}
