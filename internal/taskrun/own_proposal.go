package taskrun

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// JudgeProposal judges the proposal that stands in the run's own object: once
// for each digest, and again when the time of a WAIT has come. A wait that can
// be one for slots is judged again at every call: the caller may know that one
// is free. The verdict and the state it leads to are stored in one write; judged
// tells whether that happened. A WAIT for the same reason as before is not stored
// again: then the outcome's Decision has that WAIT, and how long it is this time.
// Errors: ErrNotFound, ErrConflict, ErrUnavailable.
func (s *Service) JudgeProposal(ctx context.Context, id string) (outcome Outcome, judged bool, err error) {
	claim := s.claimant()
	err = s.update(ctx, id, claim, func(run *Run) (next *Run, err error) {
		now := s.now()
		outcome = Outcome{Run: run, State: run.State}
		due := run.proposalDue(now)
		if !due && (s.Slots == nil || !run.WaitsForSlots()) {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next, outcome, err = s.judgeOwn(ctx, run, claim, now)
		if err == nil && run.waitsAlready(outcome.Decision) && (!due || outcome.Decision.AwaitsSlots) {
			next = nil
		}
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

// WaitsForSlots reports whether the standing proposal was told to wait, and
// slots can be what it waits for.
func (r *Run) WaitsForSlots() bool {
	return r.Proposal != nil && r.Proposal.Type == orchestration.Running && len(r.Tags) > 0 &&
		r.Transition != nil && r.Transition.Digest == r.ProposalDigest && r.Transition.Verdict == orchestration.Wait
}

// waitsAlready reports whether the decision is the verdict that the run has.
func (r *Run) waitsAlready(decision orchestration.Decision) bool {
	t := r.Transition
	return decision.Status == orchestration.Wait && t != nil && t.Digest == r.ProposalDigest &&
		t.Verdict == orchestration.Wait && t.Reason == cut(decision.Reason, MaxReason)
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
func (s *Service) judgeOwn(
	ctx context.Context, run *Run, claim *claimant, now time.Time,
) (*Run, Outcome, error) {
	next, outcome, err := s.judge(ctx, run, run.Proposal.fit(), claim, now)
	if err != nil {
		return nil, outcome, err
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
