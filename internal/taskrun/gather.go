package taskrun

import (
	"context"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// gather collects what a judgement of the proposal rests on; the proposed state
// gets the id.
func (s *Service) gather(
	ctx context.Context, run *Run, p Proposal, stateID string, now time.Time,
) (orchestration.Facts, error) {
	facts := orchestration.Facts{
		Run:      rulesView(run),
		Proposed: p.State(stateID, now),
		Force:    p.Force,
		Now:      now,
		Draw:     s.Draw(),
		NewID:    s.NewID(),
		// Flow runs are not kept here: a run inside one is judged as if its
		// flow run were running.
		FlowRun: nil,
	}
	if s.Slots == nil || len(run.Tags) == 0 || p.Type != orchestration.Running {
		return facts, nil // no rule asks for limits
	}
	var err error
	facts.TagLimits, err = s.Slots.TagLimits(ctx, run)
	return facts, err
}

// rulesView is the part of a run that the rules know.
func rulesView(run *Run) orchestration.Run {
	return orchestration.Run{
		ID:        run.ID,
		FlowRunID: run.FlowRunID,
		Tags:      run.Tags,
		Policy:    run.Policy.rules(),
		Progress:  run.Progress,
	}
}

// rules reads the policy's numbers as the rules want them.
func (p Policy) rules() orchestration.RetryPolicy {
	var policy orchestration.RetryPolicy
	if p.Retries != "" {
		retries := number(p.Retries)
		policy.Retries = &retries
	}
	if p.RetryDelay != nil {
		for _, seconds := range p.RetryDelay.Seconds {
			policy.Delays = append(policy.Delays, number(seconds))
		}
	}
	policy.JitterFactor = number(p.RetryJitterFactor)
	return policy
}

// number reads a JSON number; what is out of range becomes an infinity, and an
// absent one 0, both of which ParseFloat returns beside its error.
func number(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}
