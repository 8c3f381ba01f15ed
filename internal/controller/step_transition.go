package controller

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// transition judges the state proposed in the run's spec: once for each digest,
// and again when the time of a WAIT has come, or at every look if it can be a
// wait for slots.
func transition(clock taskrun.Clock, events recorder, metrics Metrics) step {
	return func(ctx context.Context, s *scope) (Result, error) {
		due, waiting := retryTime(s.run, clock)
		if !unjudged(s.run) && !waiting {
			return Result{}, nil
		}
		if waiting && due > 0 && !s.run.WaitsForSlots() {
			return in(due), nil
		}
		before := s.run.State
		outcome, judged, err := s.runs.JudgeProposal(ctx, s.run.ID)
		if err != nil {
			return Result{}, err
		}
		s.run = outcome.Run
		if judged {
			metrics.ProposalJudged(outcome.Decision.Status)
			events.judged(s.object, before, outcome)
		} else if outcome.Decision.Status == orchestration.Wait {
			return in(outcome.Decision.Delay), nil // the same wait as before, which was not written again
		}
		if due, waiting = retryTime(s.run, clock); waiting {
			return in(due), nil
		}
		return Result{}, nil
	}
}

// unjudged reports whether the run's proposal has had no verdict yet.
func unjudged(run *taskrun.Run) bool {
	return run.Proposal != nil && (run.Transition == nil || run.Transition.Digest != run.ProposalDigest)
}

// retryTime tells whether the verdict on the run's proposal was WAIT, and how
// long until it is judged again.
func retryTime(run *taskrun.Run, clock taskrun.Clock) (due time.Duration, waiting bool) {
	t := run.Transition
	if run.Proposal == nil || unjudged(run) || t.Verdict != orchestration.Wait || t.RetryTime == nil {
		return 0, false
	}
	return t.RetryTime.Sub(clock.Now()), true
}
