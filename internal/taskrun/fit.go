package taskrun

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Texts that describe a run are truncated to their limits and marked; they never prevent a
// state from being stored. Texts that identify the run cannot be truncated, and are
// rejected if they are too long (docs/compatibility.md, "What is cut").

// CheckIdentity checks the length of the texts that identify the run. It returns an
// *InvalidError with the documented field.
func (r *Run) CheckIdentity() error {
	return firstError(
		CheckText("task_key", r.TaskKey, MaxTaskKey),
		CheckText("dynamic_key", r.DynamicKey, MaxDynamicKey),
		CheckText("cache_key", deref(r.CacheKey), MaxCacheKey),
	)
}

// fitEach truncates each text that describes the run to its own limit.
func (r *Run) fitEach() {
	r.Name = Truncate(r.Name, MaxName)
	r.TaskVersion = FitText(r.TaskVersion, MaxTaskVersion)
	r.Policy = r.Policy.fit()
	r.Tags = FitTags(r.Tags, MaxTags*MaxTag)
	r.Labels = FitLabels(r.Labels, MaxLabels*(MaxLabelKey+MaxLabelValue))
	r.TaskInputs = mapValues(r.TaskInputs, func(list []TaskInput) []TaskInput {
		return mapEach(list, func(in TaskInput) TaskInput {
			in.Name, in.Type = Truncate(in.Name, MaxInputText), Truncate(in.Type, MaxInputText)
			return in
		})
	})
	r.TaskInputs = ruleMeasure.cutInputs(r.TaskInputs, MaxInputs, MaxInputKeys*MaxInputKey+MaxInputs*(inputText+2*MaxInputText))
}

// FitTags cuts tags to their bounds, and all of them together to most characters.
func FitTags(tags []string, most int) []string {
	tags = mapEach(tags, func(tag string) string { return Truncate(tag, MaxTag) })
	return ruleMeasure.cutTags(tags, MaxTags, most)
}

// FitLabels cuts labels to their bounds, and all of them together to most characters.
func FitLabels(labels map[string]json.RawMessage, most int) map[string]json.RawMessage {
	labels = mapValues(labels, func(value json.RawMessage) json.RawMessage { return cutLabelValue(value, MaxLabelValue) })
	return ruleMeasure.cutLabels(labels, MaxLabels, most)
}

// TagsText counts the characters of tags, as the rules of the CRD do.
func TagsText(tags []string) int { return ruleMeasure.tags(tags) }

// LabelsText counts the characters of labels, as the rules of the CRD do.
func LabelsText(labels map[string]json.RawMessage) int { return ruleMeasure.labels(labels) }

// JSONText counts the characters that the JSON of a text has.
func JSONText(text string) int { return jsonText(text) }

// FitText truncates a text that can be missing.
func FitText(text *string, most int) *string {
	return mapText(text, func(text string) string { return Truncate(text, most) })
}

// FitNumber brings the text of a number within its bound. The text of the default is
// stored as an empty one.
func FitNumber(text, defaultText string) string { return withoutDefault(fitNumber(text), defaultText) }

// mapEach returns the same list if nothing in it changes.
func mapEach[T comparable](list []T, change func(T) T) []T {
	for i := range list {
		if change(list[i]) == list[i] {
			continue
		}
		changed := make([]T, len(list))
		for j := range list {
			changed[j] = change(list[j])
		}
		return changed
	}
	return list
}

// mapValues returns nil for nil, otherwise a new map.
func mapValues[T any](values map[string]T, change func(T) T) map[string]T {
	changed := maps.Clone(values)
	for key, value := range changed {
		changed[key] = change(value)
	}
	return changed
}

// Fit truncates the texts that describe a new run and its first state to their limits. It
// reserves space for every name that the run may get later.
func (r *Run) Fit(first *orchestration.State) {
	r.fitEach()
	fitState(first, stateRoom)
	identity := utf8.RuneCountInString(r.TaskKey) + utf8.RuneCountInString(r.DynamicKey) + utf8.RuneCountInString(deref(r.CacheKey))
	state, own := stateShares(first), r.askedShares()
	const (
		key     = 3 // the name, the data and the cache key of the state precede all of these
		message = key + 1
		tags    = 2 // the version and the tags precede the message
	)
	shares := slices.Concat(state[:key], own[:tags], state[key:message], own[tags:], state[message:])
	allot(MaxText-identity-stateText-MaxName, shares)
}

// askedShares lists the texts of spec that share one limit, the most useful first.
func (r *Run) askedShares() []share {
	tags := func() int { return ruleMeasure.tags(r.Tags) }
	labels := func() int { return ruleMeasure.labels(r.Labels) }
	inputs := func() int { return ruleMeasure.inputs(r.TaskInputs) }
	return []share{
		textShare(&r.TaskVersion, ruleMeasure.cutText),
		{tags, min(tags(), leastText), func(most int) { r.Tags = ruleMeasure.cutTags(r.Tags, MaxTags, most) }},
		{labels, min(labels(), leastText), func(most int) { r.Labels = ruleMeasure.cutLabels(r.Labels, MaxLabels, most) }},
		{inputs, min(inputs(), 2*leastText), func(most int) { r.TaskInputs = ruleMeasure.cutInputs(r.TaskInputs, MaxInputs, most) }},
	}
}

// largest replaces every integer with too many digits. It has the same effect: that number
// of retries, or a delay of that length, never ends.
const largest = "9007199254740991"

// fit limits numbers.
func (p Policy) fit() Policy {
	p.MaxRetries = FitNumber(p.MaxRetries, "0")
	p.RetryDelaySeconds = FitNumber(p.RetryDelaySeconds, "0.0")
	p.Retries, p.RetryJitterFactor = fitNumber(p.Retries), fitNumber(p.RetryJitterFactor)
	if p.RetryDelay == nil {
		return p
	}
	delay := *p.RetryDelay
	delay.Seconds = mapEach(delay.Seconds[:min(len(delay.Seconds), MaxRetryDelays)], fitNumber)
	p.RetryDelay = &delay
	return p
}

// withoutDefault returns an empty text for values equal to an empty text, so that default
// values of clients use no space.
func withoutDefault(text, standsFor string) string {
	if text == standsFor {
		return ""
	}
	return text
}

func fitNumber(text string) string {
	switch {
	case len(text) <= MaxNumber:
		return text
	case strings.HasPrefix(text, "-"):
		return "-" + largest
	default:
		return largest
	}
}

// Fit truncates the texts that describe the run and its state to their limits. A text that
// identifies the run and is too long is an *InvalidError.
func (e Event) Fit() (Event, error) {
	e.State.Reported = true
	fitState(&e.State, stateRoom)
	var run Run
	e.Patch.ApplySpec(&run)
	if err := run.CheckIdentity(); err != nil {
		return e, err
	}
	run.fitEach()
	c := &e.Patch
	c.Name, c.Policy, c.Tags = c.Name.now(run.Name), c.Policy.now(run.Policy), c.Tags.now(run.Tags)
	c.Labels, c.TaskInputs = c.Labels.now(run.Labels), c.TaskInputs.now(run.TaskInputs)
	c.TaskVersion = c.TaskVersion.now(deref(run.TaskVersion))
	return e, nil
}

// now replaces the value of a field, if it has one.
func (c Optional[T]) now(value T) Optional[T] {
	if c.Given && c.Value != nil {
		c.Value = &value
	}
	return c
}
