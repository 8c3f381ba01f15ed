package wire

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendState writes a state of the run (contract §2.3). It writes null for a nil state.
func AppendState(b []byte, run *taskrun.Run, state *orchestration.State) []byte {
	if state == nil {
		return append(b, "null"...)
	}
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, state.ID)
	b = append(b, `,"type":`...)
	b = pyjson.AppendText(b, string(state.Type))
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, state.Name)
	b = append(b, `,"timestamp":`...)
	b = appendTime(b, state.Timestamp)
	b = append(b, `,"message":`...)
	b = appendTextOrNull(b, state.Message)
	b = append(b, `,"data":`...)
	b = appendRaw(b, state.Data)
	b = append(b, `,"state_details":`...)
	b = appendDetails(b, run, &state.Details)
	return append(b, '}')
}

// appendDetails writes all details of a state; the ids of the run and its flow
// run are the run's own.
func appendDetails(b []byte, run *taskrun.Run, d *orchestration.StateDetails) []byte {
	b = append(b, `{"flow_run_id":`...)
	b = appendUnlessEmpty(b, run.FlowRunID)
	b = append(b, `,"task_run_id":`...)
	b = pyjson.AppendText(b, run.ID)
	b = append(b, `,"child_flow_run_id":`...)
	b = appendUnlessEmpty(b, d.ChildFlowRunID)
	b = append(b, `,"scheduled_time":`...)
	b = appendTimeOrNull(b, d.ScheduledTime)
	b = append(b, `,"cache_key":`...)
	b = appendTextOrNull(b, d.CacheKey)
	b = append(b, `,"cache_expiration":`...)
	b = appendTimeOrNull(b, d.CacheExpiration)
	b = append(b, `,"deferred":`...)
	b = appendBoolOrNull(b, d.Deferred)
	b = append(b, `,"untrackable_result":`...)
	b = strconv.AppendBool(b, d.UntrackableResult)
	b = appendPause(b, d)
	b = append(b, `,"refresh_cache":`...)
	b = appendBoolOrNull(b, d.RefreshCache)
	b = append(b, `,"retriable":`...)
	b = appendBoolOrNull(b, d.Retriable)
	b = append(b, `,"transition_id":`...)
	b = appendUnlessEmpty(b, d.TransitionID)
	b = append(b, `,"task_parameters_id":`...)
	b = appendUnlessEmpty(b, d.TaskParametersID)
	b = append(b, `,"traceparent":`...)
	b = appendTextOrNull(b, d.Traceparent)
	b = append(b, `,"deployment_concurrency_lease_id":`...)
	b = appendUnlessEmpty(b, d.DeploymentConcurrencyLeaseID)
	return append(b, '}')
}

func appendPause(b []byte, d *orchestration.StateDetails) []byte {
	b = append(b, `,"pause_timeout":`...)
	b = appendTimeOrNull(b, d.PauseTimeout)
	b = append(b, `,"pause_reschedule":`...)
	b = strconv.AppendBool(b, d.PauseReschedule)
	b = append(b, `,"pause_key":`...)
	b = appendTextOrNull(b, d.PauseKey)
	b = append(b, `,"run_input_keyset":`...)
	return appendKeyset(b, d.RunInputKeyset)
}

func appendKeyset(b []byte, keyset map[string]string) []byte {
	if keyset == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	var room [fewKeys]string
	for i, key := range orderedKeys(keyset, room[:0]) {
		b = appendKey(b, i, key)
		b = pyjson.AppendText(b, keyset[key])
	}
	return append(b, '}')
}

// appendKey begins the i-th member of an object.
func appendKey(b []byte, i int, key string) []byte {
	b = AppendComma(b, i)
	b = pyjson.AppendText(b, key)
	return append(b, ':')
}

// AppendComma writes the separator before the i-th item of a list, counted from 0.
func AppendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}
