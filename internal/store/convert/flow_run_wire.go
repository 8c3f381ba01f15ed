package convert

import (
	"encoding/json"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// flowRunWire is the content of origin.wire and of effective.wire of a FlowRun: the values
// that the other fields cannot hold as they were sent, by their names over REST.
type flowRunWire struct {
	Labels map[string]json.RawMessage `json:"labels,omitzero"`
	flowPolicyWire
	flowMarksWire
}

// flowPolicyWire are numbers of an empirical policy that FlowRunPolicy does not hold.
type flowPolicyWire struct {
	MaxRetries        json.RawMessage `json:"max_retries,omitempty"`
	RetryDelaySeconds json.RawMessage `json:"retry_delay_seconds,omitempty"`
	Retries           *int64          `json:"retries,omitempty"`
	RetryDelay        *int64          `json:"retry_delay,omitempty"`
}

// flowMarksWire are the fields of an empirical policy that transitions change, too, as a
// client set them for a new run.
type flowMarksWire struct {
	PauseKeys []string                `json:"pause_keys,omitempty"`
	Resuming  bool                    `json:"resuming,omitempty"`
	RetryType orchestration.RetryType `json:"retry_type,omitempty"`
}

// flowRunWireFromText reads a text. One that cannot be read is ignored.
func flowRunWireFromText(text string) flowRunWire {
	var w flowRunWire
	if text == "" || json.Unmarshal([]byte(text), &w) != nil {
		return flowRunWire{}
	}
	return w
}

// text is the inverse of flowRunWireFromText; empty if there are no values.
func (w *flowRunWire) text() string {
	if text := string(encoded(w)); text != noMembers {
		return text
	}
	return ""
}

func (w *flowMarksWire) marks() orchestration.FlowRunMarks {
	return orchestration.FlowRunMarks{PauseKeys: w.PauseKeys, Resuming: w.Resuming, RetryType: retryType(string(w.RetryType))}
}

// marksToWire returns the marks with which the run began. The entry into RUNNING is not
// counted, and clears the mark, if the run was resuming.
func marksToWire(p *orchestration.FlowRunProgress) flowMarksWire {
	uncounted := p.State != nil && p.State.Type == orchestration.Running && p.RunCount == 0
	return flowMarksWire{PauseKeys: p.PauseKeys, Resuming: p.Resuming || uncounted, RetryType: p.RetryType}
}

// retryType returns the retry type, none for a text that is not one.
func retryType(text string) orchestration.RetryType {
	switch t := orchestration.RetryType(text); t {
	case orchestration.RetryInProcess, orchestration.RetryReschedule:
		return t
	default:
		return ""
	}
}

// flowPolicyFromObject reads a policy. The numbers of the object take precedence.
func flowPolicyFromObject(p *v1alpha1.FlowRunPolicy, exact flowPolicyWire) flowrun.Policy {
	policy := flowrun.Policy{
		MaxRetries: number(exact.MaxRetries), RetryDelaySeconds: number(exact.RetryDelaySeconds),
		Retries: exact.Retries, RetryDelay: exact.RetryDelay,
	}
	if p != nil {
		policy.Retries, policy.RetryDelay = firstOf(p.Retries, policy.Retries), firstOf(p.RetryDelay, policy.RetryDelay)
	}
	return policy
}

// firstOf returns the first value that is not missing.
func firstOf[T any](values ...*T) *T {
	for _, value := range values {
		if value != nil {
			return value
		}
	}
	return nil
}

// flowPolicyToObject returns nil for an empty policy. Values that the object cannot hold
// are added to exact.
func flowPolicyToObject(p flowrun.Policy, exact *flowPolicyWire) *v1alpha1.FlowRunPolicy {
	exact.MaxRetries, exact.RetryDelaySeconds = raw(p.MaxRetries), raw(p.RetryDelaySeconds)
	policy := &v1alpha1.FlowRunPolicy{}
	policy.Retries, exact.Retries = splitCount(p.Retries)
	policy.RetryDelay, exact.RetryDelay = splitCount(p.RetryDelay)
	if *policy == (v1alpha1.FlowRunPolicy{}) {
		return nil
	}
	return policy
}

// splitCount returns a number as one that the schema admits, or as another one.
func splitCount(n *int64) (count, other *int64) {
	if n != nil && counted(*n) != *n {
		return nil, clone(n)
	}
	return clone(n), nil
}

func creatorFromObject(c *v1alpha1.FlowRunCreator) *flowrun.Creator {
	if c == nil {
		return nil
	}
	return &flowrun.Creator{ID: c.ID, Type: textOr(c.Type, ""), DisplayValue: textOr(c.DisplayValue, "")}
}

// creatorToObject leaves out an id that is not a UUID.
func creatorToObject(c *flowrun.Creator) *v1alpha1.FlowRunCreator {
	if c == nil {
		return nil
	}
	creator := &v1alpha1.FlowRunCreator{Type: clone(&c.Type), DisplayValue: clone(&c.DisplayValue)}
	if isUUID(c.ID) {
		creator.ID = c.ID
	}
	return creator
}

func answersFromObject(answers []v1alpha1.Answer) []flowrun.Answer {
	var all []flowrun.Answer
	for _, a := range answers {
		all = append(all, flowrun.Answer{
			TransitionID: a.TransitionID, Status: answerFromObject(a.Verdict), Reason: a.Reason, StateID: a.StateID,
		})
	}
	return all
}

func answersToObject(answers []flowrun.Answer) []v1alpha1.Answer {
	var all []v1alpha1.Answer
	for _, a := range answers {
		all = append(all, v1alpha1.Answer{
			TransitionID: a.TransitionID, Verdict: answerToObject(a.Status), Reason: a.Reason, StateID: a.StateID,
		})
	}
	return all
}

func answerFromObject(verdict string) orchestration.Status {
	if verdict == v1alpha1.VerdictWaiting {
		return orchestration.Wait
	}
	return verdictFromObject(verdict)
}

func answerToObject(status orchestration.Status) string {
	if status == orchestration.Wait {
		return v1alpha1.VerdictWaiting
	}
	return verdicts[status]
}
