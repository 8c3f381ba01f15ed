package flows

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// The messages of states that a run enters by itself (flows contract §6).
const (
	textNeverResumed   = "The flow was paused and never resumed."
	textCancelTimedOut = "Flow run cancellation timed out; marked this flow run as Cancelled."
)

// ExpirePause makes a run FAILED whose pause has timed out, by force. It returns the run
// as it is now, changed or not. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) ExpirePause(ctx context.Context, id string) (*flowrun.Run, error) {
	failed := taskrun.Proposal{Type: orchestration.Failed, Message: new(textNeverResumed), Force: true}
	return s.enter(ctx, id, s.propose(failed), (*flowrun.Run).PauseEnd)
}

// EndCancelling makes a run CANCELLED that has been CANCELLING for too long, by force. It
// returns the run as it is now, changed or not. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) EndCancelling(ctx context.Context, id string) (*flowrun.Run, error) {
	cancelled := taskrun.Proposal{Type: orchestration.Cancelled, Message: new(textCancelTimedOut), Force: true}
	return s.enter(ctx, id, s.propose(cancelled), (*flowrun.Run).CancellingEnd)
}

// MarkLate makes a SCHEDULED run Late that should have started. Its scheduled time stays.
// It returns the run as it is now, changed or not. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) MarkLate(ctx context.Context, id string) (*flowrun.Run, error) {
	attempt := s.propose(taskrun.Proposal{Type: orchestration.Scheduled, Name: new(orchestration.NameLate)})
	attempt.policy = orchestration.FlowRunLate
	return s.enter(ctx, id, attempt, func(run *flowrun.Run) *time.Time {
		attempt.proposal.Details.ScheduledTime = run.NextScheduledStartTime
		return run.LateTime()
	})
}

// enter applies the rules to a proposal if the run is due for it. It returns the run as it
// is now.
func (s *Service) enter(
	ctx context.Context, id string, attempt *proposal, due func(*flowrun.Run) *time.Time,
) (*flowrun.Run, error) {
	var observed *flowrun.Run
	err := s.update(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		observed = run
		now := s.now()
		if at := due(run); at == nil || at.After(now) {
			return nil, nil //nolint:nilnil // nothing to store
		}
		return attempt.decide(run, now), nil
	}, func(before, after *flowrun.Run) {
		observed = after
		attempt.done(before, after)
	})
	if err != nil {
		return nil, err
	}
	return observed, nil
}
