package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Events have runs and states without the members that are null or false (contract §4.3).

// optionalRaw writes JSON text in the server's format. It omits null.
func optionalRaw(o pyjson.ObjectWriter, key string, text []byte) pyjson.ObjectWriter {
	value := parsed(text)
	if value.IsNull() {
		return o
	}
	return value.AppendTo(o.TextMember(key))
}

// beginEventState begins the object of a state.
func beginEventState(b []byte, s *orchestration.State) pyjson.ObjectWriter {
	o := pyjson.BeginObject(b).
		Text("type", string(s.Type)).
		Text("name", s.Name).
		Text("message", messageOf(s))
	return appendEventDetails(o.Member("state_details"), &s.Details)
}

// appendEventDetails writes the details of a state without the ids of its run and
// flow run.
func appendEventDetails(b []byte, d *orchestration.StateDetails) []byte {
	o := pyjson.BeginObject(b).
		OptionalNonEmpty("child_flow_run_id", d.ChildFlowRunID).
		OptionalTime("scheduled_time", d.ScheduledTime).
		OptionalText("cache_key", d.CacheKey).
		OptionalTime("cache_expiration", d.CacheExpiration).
		OptionalTrue("deferred", isTrue(d.Deferred)).
		OptionalTrue("untrackable_result", d.UntrackableResult).
		OptionalTime("pause_timeout", d.PauseTimeout).
		OptionalTrue("pause_reschedule", d.PauseReschedule).
		OptionalText("pause_key", d.PauseKey)
	if d.RunInputKeyset != nil {
		o = appendKeyset(o.Member("run_input_keyset"), d.RunInputKeyset)
	}
	return o.
		OptionalTrue("refresh_cache", isTrue(d.RefreshCache)).
		OptionalTrue("retriable", isTrue(d.Retriable)).
		OptionalNonEmpty("transition_id", d.TransitionID).
		OptionalNonEmpty("task_parameters_id", d.TaskParametersID).
		OptionalText("traceparent", d.Traceparent).
		OptionalNonEmpty("deployment_concurrency_lease_id", d.DeploymentConcurrencyLeaseID).
		End()
}

func isTrue(v *bool) bool { return v != nil && *v }

// appendEventRun writes the run of a change without the fields that only the server knows
// (contract §4.3).
func appendEventRun(b []byte, run *taskrun.Run) []byte {
	o := pyjson.BeginObject(b).
		Text("name", run.Name).
		Text("task_key", run.TaskKey).
		Text("dynamic_key", run.DynamicKey).
		OptionalText("cache_key", run.CacheKey).
		OptionalTime("cache_expiration", run.CacheExpiration).
		OptionalText("task_version", run.TaskVersion)
	o = appendEventPolicy(o.Member("empirical_policy"), &run.Policy)
	o = AppendTexts(o.Member("tags"), run.Tags)
	if reported := run.Reported; reported == nil || !reported.Labels.Given || reported.Labels.Value != nil {
		o = appendEventLabels(o.Member("labels"), run)
	}
	o = appendInputs(o.Member("task_inputs"), run.TaskInputs)
	return o.
		Int("run_count", run.RunCount).
		Int("flow_run_run_count", run.FlowRunRunCount).
		OptionalTime("expected_start_time", run.ExpectedStartTime).
		OptionalTime("next_scheduled_start_time", run.NextScheduledStartTime).
		OptionalTime("start_time", run.StartTime).
		OptionalTime("end_time", run.EndTime).
		Seconds("total_run_time", run.TotalRunTime).
		End()
}

func appendEventPolicy(b []byte, p *taskrun.Policy) []byte {
	o := pyjson.BeginObject(b)
	o = optionalRaw(o, "max_retries", AppendNumber(nil, p.MaxRetries, "0"))
	o = optionalRaw(o, "retry_delay_seconds", AppendDecimal(nil, p.RetryDelaySeconds, "0.0"))
	o = optionalRaw(o, "retries", AppendNumber(nil, p.Retries, "null"))
	o = optionalRaw(o, "retry_delay", appendRetryDelay(nil, p.RetryDelay))
	o = optionalRaw(o, "retry_jitter_factor", AppendDecimal(nil, p.RetryJitterFactor, "null"))
	return o.End()
}

func appendEventLabels(b []byte, run *taskrun.Run) []byte {
	o := pyjson.BeginObject(b)
	var room [fewKeys]string
	for _, key := range orderedKeys(run.Labels, room[:0]) {
		o = optionalRaw(o, key, run.Labels[key])
	}
	return o.End()
}
