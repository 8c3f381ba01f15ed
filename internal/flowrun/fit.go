package flowrun

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// What describes a flow or a run is truncated to its bounds and marked. What identifies
// it, and JSON that programs read, is rejected: a part of it would be something else.

// CheckIdentity returns an *InvalidError if the name is longer than its bound.
func (f *Flow) CheckIdentity() error { return taskrun.CheckText("name", f.Name, MaxFlowName) }

// Fit truncates what describes the flow to its bounds.
func (f *Flow) Fit() {
	f.Tags = taskrun.FitTags(f.Tags, MaxTagsText)
	f.Labels = taskrun.FitLabels(f.Labels, MaxLabelsText)
}

// CheckIdentity returns an *InvalidError if what cannot be truncated is longer than its
// bound. The error names the documented field.
func (r *Run) CheckIdentity() error {
	var key string
	if r.IdempotencyKey != nil {
		key = *r.IdempotencyKey
	}
	return cmp.Or(
		taskrun.CheckText("idempotency_key", key, MaxIdempotencyKey),
		taskrun.CheckBytes("context", r.Context, MaxContext),
		r.checkEditable(),
	)
}

// checkEditable is CheckIdentity for what a PATCH changes.
func (e *Editable) checkEditable() error {
	return cmp.Or(
		taskrun.CheckBytes("parameters", e.Parameters, MaxParameters),
		taskrun.CheckBytes("job_variables", e.JobVariables, MaxJobVariables),
	)
}

// Fit truncates what describes a new run and its first state to their bounds.
func (r *Run) Fit(first *orchestration.State) {
	r.fitEditable()
	r.FitLabels()
	r.DeploymentVersion = taskrun.FitText(r.DeploymentVersion, MaxVersion)
	r.WorkQueueName = taskrun.FitText(r.WorkQueueName, MaxWorkQueueName)
	if r.CreatedBy != nil {
		r.CreatedBy = &Creator{
			ID:           r.CreatedBy.ID,
			Type:         taskrun.Truncate(r.CreatedBy.Type, MaxCreator),
			DisplayValue: taskrun.Truncate(r.CreatedBy.DisplayValue, MaxCreator),
		}
	}
	room := MaxText - r.requestedTexts()
	r.PauseKeys = fitPauseKeys(r.PauseKeys, room-leastState)
	taskrun.FitState(first, room-pauseKeysText(r.PauseKeys))
}

// leastState is how many of the characters that a new run may have are kept for its first
// state.
const leastState = 448

// requestedTexts counts what identifies and describes a new run, as the rules of the CRD
// do, without its first state and its pause keys.
func (r *Run) requestedTexts() int {
	n := utf8.RuneCountInString(r.Name)
	for _, text := range []*string{r.FlowVersion, r.IdempotencyKey, r.DeploymentVersion, r.WorkQueueName, r.InfrastructurePID} {
		if text != nil {
			n += utf8.RuneCountInString(*text)
		}
	}
	if r.CreatedBy != nil {
		n += utf8.RuneCountInString(r.CreatedBy.Type) + utf8.RuneCountInString(r.CreatedBy.DisplayValue)
	}
	return n + taskrun.TagsText(r.Tags) + taskrun.LabelsText(r.Labels)
}

// pauseKeysText is what pause keys take in the JSON of a new run.
func pauseKeysText(keys []string) (n int) {
	for _, key := range keys {
		n += taskrun.JSONText(key) + len(",")
	}
	if n > 0 {
		n += len(`,"pause_keys":[]`)
	}
	return n
}

// FitLabels truncates the labels to their bounds.
func (r *Run) FitLabels() { r.Labels = taskrun.FitLabels(r.Labels, MaxLabelsText) }

func (e *Editable) fitEditable() {
	e.Name = taskrun.Truncate(e.Name, MaxName)
	e.FlowVersion = taskrun.FitText(e.FlowVersion, MaxFlowVersion)
	e.Policy.MaxRetries = taskrun.FitNumber(e.Policy.MaxRetries, "0")
	e.Policy.RetryDelaySeconds = taskrun.FitNumber(e.Policy.RetryDelaySeconds, "0.0")
	e.Tags = taskrun.FitTags(e.Tags, MaxTagsText)
	e.InfrastructurePID = taskrun.FitText(e.InfrastructurePID, MaxInfrastructurePID)
}

// fitPauseKeys keeps the latest pause keys within their bounds, and within a number of
// characters of JSON. A list that is within them is returned as it is.
func fitPauseKeys(keys []string, most int) []string {
	keys = keys[max(0, len(keys)-MaxPauseKeys):]
	for len(keys) > 0 && (keysText(keys) > MaxPauseKeysText || pauseKeysText(keys) > most) {
		keys = keys[1:]
	}
	for i, key := range keys {
		fitted := taskrun.Truncate(key, taskrun.MaxPauseKey)
		if fitted == key {
			continue
		}
		keys = slices.Clone(keys)
		keys[i] = fitted
	}
	return keys
}

// keysText counts the characters of pause keys.
func keysText(keys []string) (n int) {
	for _, key := range keys {
		n += min(utf8.RuneCountInString(key), taskrun.MaxPauseKey)
	}
	return n
}
