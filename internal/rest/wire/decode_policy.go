package wire

import (
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	keyPolicy           = "empirical_policy"
	textTooManyDelays   = "Can not configure more than 50 retry delays per task."
	textJitterBelowZero = "`retry_jitter_factor` must be >= 0."
)

// WithDeprecatedPolicy returns the body of a create or an update of a run in which the deprecated keys of
// empirical_policy have set the current ones (contract §2.4). Prefect repeats the body in this form when it is not valid.
func WithDeprecatedPolicy(body pyjson.Value) pyjson.Value {
	policy, _ := body.Member(keyPolicy)
	if policy.Kind() != pyjson.Object {
		return body
	}
	return body.With(keyPolicy, followDeprecated(policy))
}

// followDeprecated returns a policy in which the deprecated keys have set the current ones.
func followDeprecated(policy pyjson.Value) pyjson.Value {
	policy = withDeprecated(policy, "max_retries", "retries")
	return withDeprecated(policy, "retry_delay_seconds", "retry_delay")
}

// withDeprecated copies the value under the old key to the new one, unless the value is zero or the new one exists.
func withDeprecated(policy pyjson.Value, old, now string) pyjson.Value {
	value, given := policy.Member(old)
	current, _ := policy.Member(now)
	if !given || current.Truthy() || isZero(value) {
		return policy
	}
	return policy.With(now, value)
}

// isZero reports whether the value equals 0 in Python.
func isZero(v pyjson.Value) bool {
	return (v.Kind() == pyjson.Number || v.Kind() == pyjson.Bool) && !v.Truthy()
}

// readPolicy reads a TaskRunPolicy after followDeprecated. It ignores other keys.
func readPolicy(run *validate.Model) taskrun.Policy {
	n, given := run.Field(keyPolicy)
	if !given {
		return taskrun.Policy{}
	}
	m, ok := n.Model()
	if !ok {
		return taskrun.Policy{}
	}
	return readPolicyKeys(m, taskrun.MaxRetryDelays)
}

// readPolicyKeys reads the keys of a policy with at most delays retry delays.
func readPolicyKeys(m *validate.Model, delays int) taskrun.Policy {
	var p taskrun.Policy
	if n, given := m.Field("max_retries"); given {
		p.MaxRetries = n.Int()
	}
	if n, given := m.Field("retry_delay_seconds"); given {
		p.RetryDelaySeconds = Finite(n.Float())
	}
	if n, given := m.Given("retries"); given {
		p.Retries = n.Int()
	}
	if n, given := m.Given("retry_delay"); given {
		p.RetryDelay = readRetryDelay(n, delays)
	}
	if n, given := m.Given("retry_jitter_factor"); given {
		factor := n.Float()
		if strings.HasPrefix(factor, "-") && factor != "-0.0" {
			n.Refuse(textJitterBelowZero)
		}
		p.RetryJitterFactor = Finite(factor)
	}
	return p
}

// Finite returns the text of a number, "" if JSON does not have the number, such as Infinity.
func Finite(number string) string {
	if strings.HasSuffix(number, "N") || strings.HasSuffix(number, "y") { // NaN, Infinity
		return ""
	}
	return number
}

// readRetryDelay reads one delay or a list of them. A number that JSON does not support becomes null if it is alone.
// It is rejected in a list, which cannot have nulls.
func readRetryDelay(n validate.Node, most int) *taskrun.RetryDelay {
	seconds, list := n.IntOrFloat()
	if len(seconds) > most {
		n.Refuse(textTooManyDelays)
		return nil
	}
	for _, number := range seconds {
		if Finite(number) != "" {
			continue
		}
		if list {
			n.Add("finite_number", "Input should be a Finite number", nil)
		}
		return nil
	}
	return &taskrun.RetryDelay{List: list, Seconds: seconds}
}
