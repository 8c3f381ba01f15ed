package taskrun

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// RulesView returns the part of a run that the rules use.
func RulesView(run *Run) orchestration.Run {
	return orchestration.Run{
		ID:        run.ID,
		FlowRunID: run.FlowRunID,
		Tags:      run.Tags,
		Policy:    run.Policy.rules(),
		Progress:  run.Progress,
	}
}

// rules converts the policy's numbers to the types that the rules use.
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

// number parses a JSON number. A number that is out of range becomes an
// infinity, and an absent one 0: the values that ParseFloat returns with its
// error.
func number(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}
