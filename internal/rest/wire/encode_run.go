package wire

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendRun writes a run as of the time now (contract §2.1).
func AppendRun(b []byte, run *taskrun.Run, now time.Time) []byte {
	return writeRun(pyjson.BeginObject(b), run, now).End()
}

// writeRun writes the members of a run.
func writeRun(o pyjson.ObjectWriter, run *taskrun.Run, now time.Time) pyjson.ObjectWriter {
	o = o.
		Text("id", run.ID).
		Time("created", run.Created).
		Time("updated", run.Updated).
		Text("name", run.Name).
		NonEmpty("flow_run_id", run.FlowRunID).
		Text("task_key", run.TaskKey).
		Text("dynamic_key", run.DynamicKey).
		TextOrNull("cache_key", run.CacheKey).
		TimeOrNull("cache_expiration", run.CacheExpiration).
		TextOrNull("task_version", run.TaskVersion)
	o = appendPolicy(o.Member("empirical_policy"), &run.Policy)
	o = AppendTexts(o.Member("tags"), run.Tags)
	o = appendRunLabels(o.Member("labels"), run)
	o = writeStateColumns(o, run)
	o = writeTimes(o, run, now)
	return AppendState(o.Member("state"), run, run.State)
}

// writeStateColumns writes the fields of the state that a run repeats, and the
// counters of the run.
func writeStateColumns(o pyjson.ObjectWriter, run *taskrun.Run) pyjson.ObjectWriter {
	var id, kind, name *string
	if state := run.State; state != nil {
		id, kind, name = &state.ID, (*string)(&state.Type), &state.Name
	}
	o = o.TextOrNull("state_id", id)
	o = appendInputs(o.Member("task_inputs"), run.TaskInputs)
	return o.
		TextOrNull("state_type", kind).
		TextOrNull("state_name", name).
		Int("run_count", run.RunCount).
		Int("flow_run_run_count", run.FlowRunRunCount)
}

func writeTimes(o pyjson.ObjectWriter, run *taskrun.Run, now time.Time) pyjson.ObjectWriter {
	o = o.
		TimeOrNull("expected_start_time", run.ExpectedStartTime).
		TimeOrNull("next_scheduled_start_time", run.NextScheduledStartTime).
		TimeOrNull("start_time", run.StartTime).
		TimeOrNull("end_time", run.EndTime)
	return writeSpans(o, run, now)
}

// writeSpans writes the run time and the delay of a run.
func writeSpans(o pyjson.ObjectWriter, run *taskrun.Run, now time.Time) pyjson.ObjectWriter {
	return o.
		Seconds("total_run_time", run.TotalRunTime).
		Seconds("estimated_run_time", run.EstimatedRunTime(now)).
		Seconds("estimated_start_time_delta", run.EstimatedStartTimeDelta(now))
}

// AppendTexts writes a list of strings.
func AppendTexts(b []byte, texts []string) []byte {
	return pyjson.AppendList(b, texts, pyjson.AppendText)
}

// appendRunLabels writes null if events created the run without labels, or
// cleared the labels (contract §2.1).
func appendRunLabels(b []byte, run *taskrun.Run) []byte {
	if reported := run.Reported; reported != nil && reported.Labels.Given && reported.Labels.Value == nil {
		return append(b, "null"...)
	}
	return AppendLabels(b, run.Labels)
}

// AppendLabels writes labels in the order of their keys.
func AppendLabels(b []byte, labels map[string]json.RawMessage) []byte {
	o := pyjson.BeginObject(b)
	var room [fewKeys]string
	for _, key := range orderedKeys(labels, room[:0]) {
		o = appendRaw(o.TextMember(key), labels[key])
	}
	return o.End()
}

// fewKeys is the number of keys that are sorted without an allocation.
const fewKeys = 8

// orderedKeys returns the sorted keys, in room if they fit.
func orderedKeys[V any](m map[string]V, room []string) []string {
	for key := range m {
		room = append(room, key)
	}
	if len(room) > 1 {
		slices.Sort(room)
	}
	return room
}

func appendInputs(b []byte, inputs map[string][]taskrun.TaskInput) []byte {
	o := pyjson.BeginObject(b)
	var room [fewKeys]string
	for _, key := range orderedKeys(inputs, room[:0]) {
		o = pyjson.AppendList(o.TextMember(key), inputs[key], AppendInput)
	}
	return o.End()
}

// AppendInput writes one source of an argument (contract §2.5).
func AppendInput(b []byte, input taskrun.TaskInput) []byte {
	o := pyjson.BeginObject(b).Text("input_type", string(input.InputType))
	switch input.InputType {
	case taskrun.InputParameter:
		o = o.Text("name", input.Name)
	case taskrun.InputConstant:
		o = o.Text("type", input.Type)
	default: // task_run and flow_run
		o = o.Text("id", input.ID)
	}
	return o.End()
}
