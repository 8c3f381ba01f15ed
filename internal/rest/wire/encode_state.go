package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// StateOwner has the ids that the details of every state of a run have. An empty one is null.
type StateOwner struct{ FlowRunID, TaskRunID string }

// AppendState writes a state of the run (contract §2.3). It writes null for a nil state.
func AppendState(b []byte, run *taskrun.Run, state *orchestration.State) []byte {
	return AppendStateOf(b, StateOwner{FlowRunID: run.FlowRunID, TaskRunID: run.ID}, state)
}

// AppendStateOf writes a state of the owner (contract §2.3). It writes null for a nil state.
func AppendStateOf(b []byte, owner StateOwner, state *orchestration.State) []byte {
	if state == nil {
		return append(b, "null"...)
	}
	o := pyjson.BeginObject(b).
		Text("id", state.ID).
		Text("type", string(state.Type)).
		Text("name", state.Name).
		Time("timestamp", state.Timestamp).
		TextOrNull("message", state.Message).
		Raw("data", state.Data)
	o = appendDetails(o.Member("state_details"), owner, &state.Details)
	return o.End()
}

// appendDetails writes all details of a state.
func appendDetails(b []byte, owner StateOwner, d *orchestration.StateDetails) []byte {
	o := pyjson.BeginObject(b).
		NonEmpty("flow_run_id", owner.FlowRunID).
		NonEmpty("task_run_id", owner.TaskRunID).
		NonEmpty("child_flow_run_id", d.ChildFlowRunID).
		TimeOrNull("scheduled_time", d.ScheduledTime).
		TextOrNull("cache_key", d.CacheKey).
		TimeOrNull("cache_expiration", d.CacheExpiration).
		BoolOrNull("deferred", d.Deferred).
		Bool("untrackable_result", d.UntrackableResult).
		TimeOrNull("pause_timeout", d.PauseTimeout).
		Bool("pause_reschedule", d.PauseReschedule).
		TextOrNull("pause_key", d.PauseKey)
	o = appendKeyset(o.Member("run_input_keyset"), d.RunInputKeyset)
	return o.
		BoolOrNull("refresh_cache", d.RefreshCache).
		BoolOrNull("retriable", d.Retriable).
		NonEmpty("transition_id", d.TransitionID).
		NonEmpty("task_parameters_id", d.TaskParametersID).
		TextOrNull("traceparent", d.Traceparent).
		NonEmpty("deployment_concurrency_lease_id", d.DeploymentConcurrencyLeaseID).
		End()
}

func appendKeyset(b []byte, keyset map[string]string) []byte {
	if keyset == nil {
		return append(b, "null"...)
	}
	o := pyjson.BeginObject(b)
	var room [fewKeys]string
	for _, key := range orderedKeys(keyset, room[:0]) {
		o = pyjson.AppendText(o.TextMember(key), keyset[key])
	}
	return o.End()
}

// AppendComma writes the separator before the i-th item of a list, counted from 0.
func AppendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}
