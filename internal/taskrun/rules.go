package taskrun

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// RulesView is the part of a run that the rules know.
func RulesView(run *Run) orchestration.Run {
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
