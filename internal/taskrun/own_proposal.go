package taskrun

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// JudgeProposal judges the proposal that stands in the run's own object: once
// for each digest, and again when the time of a WAIT has come. The verdict and
// the state it leads to are stored in one write; judged tells whether that
// happened. Errors: ErrNotFound, ErrConflict, ErrUnavailable.
func (s *Service) JudgeProposal(ctx context.Context, id string) (outcome Outcome, judged bool, err error) {
	err = s.update(ctx, id, func(run *Run) (*Run, error) {
		now := s.now()
		if !run.proposalDue(now) {
			outcome = Outcome{Run: run, State: run.State}
			return nil, nil //nolint:nilnil // nothing to store
		}
		var next *Run
		var err error
		next, outcome, err = s.judgeOwn(ctx, run, now)
		return next, err
	}, func(before, after *Run) {
		judged = true
		outcome.Run, outcome.Written = after, outcome.Decision.State != nil
		if outcome.Written {
			s.Notifier.Transitioned(before, after, outcome.Decision)
		}
	})
	return outcome, judged, err
}

// proposalDue reports whether the standing proposal has to be judged now.
func (r *Run) proposalDue(now time.Time) bool {
	switch {
	case r.Proposal == nil:
		return false
	case r.Transition == nil || r.Transition.Digest != r.ProposalDigest:
		return true
	default:
		due := r.Transition.RetryTime
		return r.Transition.Verdict == orchestration.Wait && due != nil && !now.Before(*due)
	}
}

// judgeOwn decides about the standing proposal and notes the verdict on the run.
func (s *Service) judgeOwn(ctx context.Context, run *Run, now time.Time) (*Run, Outcome, error) {
	next, outcome := run, Outcome{Run: run, State: run.State}
	proposal, err := run.Proposal.fit()
	if err != nil {
		outcome.Decision = orchestration.Decision{
			Status: orchestration.Abort, Reason: err.Error(), Progress: run.Progress,
		}
	} else if next, outcome, err = s.judge(ctx, run, proposal, now); err != nil {
		return nil, Outcome{}, err
	}
	if next == nil {
		next = run
	}
	noted := *next
	noted.Transition = &Transition{
		Digest:   run.ProposalDigest,
		Verdict:  outcome.Decision.Status,
		Reason:   cut(outcome.Decision.Reason, MaxReason),
		JudgedAt: now,
	}
	if outcome.Decision.Status == orchestration.Wait {
		due := now.Add(outcome.Decision.Delay)
		noted.Transition.RetryTime = &due
	}
	return &noted, outcome, nil
}
