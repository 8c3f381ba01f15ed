package convert

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// policyFromObject reads a policy. The exact text takes precedence.
func policyFromObject(p *v1alpha1.EmpiricalPolicy, exact wirePolicy) taskrun.Policy {
	policy := exact.policy()
	if p == nil {
		return policy
	}
	policy.Retries = cmp.Or(policy.Retries, integerText(p.Retries))
	if p.RetryJitterFactor != nil {
		policy.RetryJitterFactor = cmp.Or(policy.RetryJitterFactor, numberFromObject(*p.RetryJitterFactor))
	}
	if policy.RetryDelay == nil && p.RetryDelay != nil {
		policy.RetryDelay = &taskrun.RetryDelay{List: true, Seconds: numbers(p.RetryDelay, numberFromObject)}
	}
	return policy
}

// policyToObject returns nil for an empty policy. Values that the object cannot hold
// are added to exact.
func policyToObject(p taskrun.Policy, exact *wirePolicy) *v1alpha1.EmpiricalPolicy {
	exact.MaxRetries, exact.RetryDelaySeconds = raw(p.MaxRetries), raw(p.RetryDelaySeconds)
	policy := &v1alpha1.EmpiricalPolicy{Retries: integer(p.Retries)}
	if integerText(policy.Retries) != p.Retries {
		exact.Retries = raw(p.Retries)
	}
	switch {
	case strings.HasPrefix(p.RetryJitterFactor, "-"): // negative zero
		exact.RetryJitterFactor = raw(p.RetryJitterFactor)
	case p.RetryJitterFactor != "":
		policy.RetryJitterFactor = new(numberToObject(p.RetryJitterFactor))
	}
	policy.RetryDelay = delaysToObject(p.RetryDelay, exact)
	if policy.Retries == nil && policy.RetryJitterFactor == nil && policy.RetryDelay == nil {
		return nil
	}
	return policy
}

func delaysToObject(delay *taskrun.RetryDelay, exact *wirePolicy) []v1alpha1.Number {
	if delay == nil {
		return nil
	}
	if !delay.List && len(delay.Seconds) == 1 {
		exact.RetryDelay = raw(delay.Seconds[0])
	}
	delays := make([]v1alpha1.Number, len(delay.Seconds)) // empty, not nil: null is not a list
	for i, seconds := range delay.Seconds {
		delays[i] = numberToObject(seconds)
	}
	return delays
}

// numberFromObject returns the text of a number, or "" for other values.
func numberFromObject(n v1alpha1.Number) string {
	return number(json.RawMessage(strings.Trim(n.Raw, `"`)))
}

// numberToObject writes a number as a JSON number if Kubernetes keeps its text,
// otherwise as a text.
func numberToObject(text string) v1alpha1.Number {
	if survives(json.RawMessage(text)) {
		return v1alpha1.Number{Raw: text}
	}
	return v1alpha1.Number{Raw: `"` + text + `"`}
}

// integer reads the text of a count; nil if there is none. A count outside the limits
// becomes the nearest limit.
func integer(text string) *int64 {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil { // too large, or written like 1e3
		f, _ := strconv.ParseFloat(text, 64)
		n = int64(math.Max(math.Min(f, maxCount), 0))
	}
	n = counted(n)
	return &n
}

func inputsFromObject(arguments []v1alpha1.TaskArgument) map[string][]taskrun.TaskInput {
	if len(arguments) == 0 {
		return nil
	}
	all := make(map[string][]taskrun.TaskInput, len(arguments))
	for _, argument := range arguments {
		all[argument.Name] = sourcesFromObject(argument.Sources)
	}
	return all
}

func sourcesFromObject(sources []v1alpha1.TaskInput) []taskrun.TaskInput {
	some := make([]taskrun.TaskInput, len(sources))
	for i, input := range sources {
		some[i] = taskrun.TaskInput{
			InputType: taskrun.InputType(input.InputType),
			ID:        input.ID, Name: textOr(input.Name, ""), Type: textOr(input.Type, ""),
		}
	}
	return some
}

// inputsToObject writes the arguments in the order of their names.
func inputsToObject(inputs map[string][]taskrun.TaskInput) []v1alpha1.TaskArgument {
	if len(inputs) == 0 {
		return nil
	}
	all := make([]v1alpha1.TaskArgument, 0, len(inputs))
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		all = append(all, v1alpha1.TaskArgument{Name: name, Sources: sourcesToObject(inputs[name])})
	}
	return all
}

// sourcesToObject writes name and type depending on the kind of input, because an empty
// value is equal to a missing one there.
func sourcesToObject(list []taskrun.TaskInput) []v1alpha1.TaskInput {
	some := make([]v1alpha1.TaskInput, len(list))
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
	return some
}
