package flowrun

import (
	"cmp"
	"slices"

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
	r.PauseKeys = fitPauseKeys(r.PauseKeys)
	r.DeploymentVersion = taskrun.FitText(r.DeploymentVersion, MaxFlowVersion)
	r.WorkQueueName = taskrun.FitText(r.WorkQueueName, MaxName)
	if r.CreatedBy != nil {
		r.CreatedBy = &Creator{
			ID:           taskrun.Truncate(r.CreatedBy.ID, MaxCreator),
			Type:         taskrun.Truncate(r.CreatedBy.Type, MaxCreator),
			DisplayValue: taskrun.Truncate(r.CreatedBy.DisplayValue, MaxCreator),
		}
	}
	taskrun.FitState(first)
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

// fitPauseKeys keeps the latest pause keys within their bounds. A list that is within
// them is returned as it is.
func fitPauseKeys(keys []string) []string {
	keys = keys[max(0, len(keys)-MaxPauseKeys):]
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
