package kube

import (
	"math"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func policyFromObject(p *v1alpha1.EmpiricalPolicy) taskrun.Policy {
	if p == nil {
		return taskrun.Policy{}
	}
	policy := taskrun.Policy{
		MaxRetries:        integerText(p.MaxRetries),
		RetryDelaySeconds: textOr(p.RetryDelaySeconds, ""),
		Retries:           integerText(p.Retries),
		RetryJitterFactor: textOr(p.RetryJitterFactor, ""),
	}
	if p.RetryDelay != nil {
		// Not exactly one delay cannot be spelt as one, whatever the kind says.
		single := p.RetryDelayKind == v1alpha1.RetryDelaySingle && len(p.RetryDelay) == 1
		policy.RetryDelay = &taskrun.RetryDelay{List: !single, Seconds: p.RetryDelay}
	}
	return policy
}

// policyToObject returns nil for a policy that says nothing.
func policyToObject(p taskrun.Policy) *v1alpha1.EmpiricalPolicy {
	if p == (taskrun.Policy{}) {
		return nil
	}
	policy := &v1alpha1.EmpiricalPolicy{
		MaxRetries:        integer(p.MaxRetries),
		RetryDelaySeconds: numberText(p.RetryDelaySeconds),
		Retries:           integer(p.Retries),
		RetryJitterFactor: numberText(p.RetryJitterFactor),
	}
	if p.RetryDelay != nil {
		policy.RetryDelay = append([]string{}, p.RetryDelay.Seconds...)
		if !p.RetryDelay.List {
			policy.RetryDelayKind = v1alpha1.RetryDelaySingle
		}
	}
	return policy
}

func integerText(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func numberText(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// integer reads an integer's text; nil when there is none. One beyond the bounds
// becomes the bound: so many retries never come to an end either way.
func integer(text string) *int64 {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil { // too large, or spelt like 1e3
		f, _ := strconv.ParseFloat(text, 64)
		n = int64(math.Max(math.Min(f, maxCount), -maxCount))
	}
	n = min(max(n, -maxCount), maxCount)
	return &n
}

func inputsFromObject(inputs map[string]v1alpha1.TaskInputs) map[string][]taskrun.TaskInput {
	if len(inputs) == 0 {
		return nil
	}
	all := make(map[string][]taskrun.TaskInput, len(inputs))
	for key, list := range inputs {
		some := make([]taskrun.TaskInput, len(list))
		for i, input := range list {
			some[i] = taskrun.TaskInput{
				InputType: taskrun.InputType(input.InputType),
				ID:        input.ID, Name: textOr(input.Name, ""), Type: textOr(input.Type, ""),
			}
		}
		all[key] = some
	}
	return all
}

// inputsToObject writes name and type by the kind of input, for an empty one
// differs from none there.
func inputsToObject(inputs map[string][]taskrun.TaskInput) map[string]v1alpha1.TaskInputs {
	if len(inputs) == 0 {
		return nil
	}
	all := make(map[string]v1alpha1.TaskInputs, len(inputs))
	for key, list := range inputs {
		some := make(v1alpha1.TaskInputs, len(list)) // empty, not nil: null is no list
		for i, input := range list {
			some[i] = v1alpha1.TaskInput{InputType: string(input.InputType), ID: input.ID}
			switch input.InputType {
			case taskrun.InputParameter:
				some[i].Name = clone(&input.Name)
			case taskrun.InputConstant:
				some[i].Type = clone(&input.Type)
			case taskrun.InputTaskRun, taskrun.InputFlowRun:
			}
		}
		all[key] = some
	}
	return all
}
