package wire

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AppendRun writes a run as it is at the time now (contract §2.1).
func AppendRun(b []byte, run *taskrun.Run, now time.Time) []byte {
	return append(appendRunMembers(b, run, now), '}')
}

// appendRunMembers writes a run without the brace at its end.
func appendRunMembers(b []byte, run *taskrun.Run, now time.Time) []byte {
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, run.ID)
	b = append(b, `,"created":`...)
	b = appendTime(b, run.Created)
	b = append(b, `,"updated":`...)
	b = appendTime(b, run.Updated)
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, run.Name)
	b = append(b, `,"flow_run_id":`...)
	b = appendUnlessEmpty(b, run.FlowRunID)
	b = append(b, `,"task_key":`...)
	b = pyjson.AppendText(b, run.TaskKey)
	b = append(b, `,"dynamic_key":`...)
	b = pyjson.AppendText(b, run.DynamicKey)
	b = append(b, `,"cache_key":`...)
	b = appendTextOrNull(b, run.CacheKey)
	b = append(b, `,"cache_expiration":`...)
	b = appendTimeOrNull(b, run.CacheExpiration)
	b = append(b, `,"task_version":`...)
	b = appendTextOrNull(b, run.TaskVersion)
	b = append(b, `,"empirical_policy":`...)
	b = appendPolicy(b, &run.Policy)
	b = append(b, `,"tags":`...)
	b = appendTexts(b, run.Tags)
	b = append(b, `,"labels":`...)
	b = appendRunLabels(b, run)
	b = appendStateColumns(b, run)
	b = appendTimes(b, run, now)
	b = append(b, `,"state":`...)
	return AppendState(b, run, run.State)
}

// appendStateColumns writes what a run repeats of its state, and its counters.
func appendStateColumns(b []byte, run *taskrun.Run) []byte {
	var id, kind, name *string
	if state := run.State; state != nil {
		id, kind, name = &state.ID, (*string)(&state.Type), &state.Name
	}
	b = append(b, `,"state_id":`...)
	b = appendTextOrNull(b, id)
	b = append(b, `,"task_inputs":`...)
	b = appendInputs(b, run.TaskInputs)
	b = append(b, `,"state_type":`...)
	b = appendTextOrNull(b, kind)
	b = append(b, `,"state_name":`...)
	b = appendTextOrNull(b, name)
	b = append(b, `,"run_count":`...)
	b = strconv.AppendInt(b, run.RunCount, 10)
	b = append(b, `,"flow_run_run_count":`...)
	return strconv.AppendInt(b, run.FlowRunRunCount, 10)
}

func appendTimes(b []byte, run *taskrun.Run, now time.Time) []byte {
	b = append(b, `,"expected_start_time":`...)
	b = appendTimeOrNull(b, run.ExpectedStartTime)
	b = append(b, `,"next_scheduled_start_time":`...)
	b = appendTimeOrNull(b, run.NextScheduledStartTime)
	b = append(b, `,"start_time":`...)
	b = appendTimeOrNull(b, run.StartTime)
	b = append(b, `,"end_time":`...)
	b = appendTimeOrNull(b, run.EndTime)
	return appendSpans(b, run, now)
}

// appendSpans writes how long a run has been running, and how late it is.
func appendSpans(b []byte, run *taskrun.Run, now time.Time) []byte {
	b = append(b, `,"total_run_time":`...)
	b = appendSeconds(b, run.TotalRunTime)
	b = append(b, `,"estimated_run_time":`...)
	b = appendSeconds(b, run.EstimatedRunTime(now))
	b = append(b, `,"estimated_start_time_delta":`...)
	return appendSeconds(b, run.EstimatedStartTimeDelta(now))
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		b = AppendComma(b, i)
		b = pyjson.AppendText(b, text)
	}
	return append(b, ']')
}

// appendRunLabels writes null where events made the run and told of no labels, or
// cleared them (contract §2.1).
func appendRunLabels(b []byte, run *taskrun.Run) []byte {
	if reported := run.Reported; reported != nil && reported.Labels.Given && reported.Labels.Value == nil {
		return append(b, "null"...)
	}
	return appendLabels(b, run.Labels)
}

func appendLabels(b []byte, labels map[string]json.RawMessage) []byte {
	b = append(b, '{')
	var room [fewKeys]string
	for i, key := range orderedKeys(labels, room[:0]) {
		b = appendKey(b, i, key)
		b = appendRaw(b, labels[key])
	}
	return append(b, '}')
}

// fewKeys is how many keys are sorted without taking memory.
const fewKeys = 8

// orderedKeys returns the keys in order, in the room if they fit in.
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
	b = append(b, '{')
	var room [fewKeys]string
	for i, key := range orderedKeys(inputs, room[:0]) {
		b = appendKey(b, i, key)
		b = append(b, '[')
		for j := range inputs[key] {
			b = AppendComma(b, j)
			b = appendInput(b, &inputs[key][j])
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendInput writes one source of an argument (contract §2.5).
func appendInput(b []byte, input *taskrun.TaskInput) []byte {
	b = append(b, `{"input_type":`...)
	b = pyjson.AppendText(b, string(input.InputType))
	switch input.InputType {
	case taskrun.InputParameter:
		b = append(b, `,"name":`...)
		b = pyjson.AppendText(b, input.Name)
	case taskrun.InputConstant:
		b = append(b, `,"type":`...)
		b = pyjson.AppendText(b, input.Type)
	default: // task_run and flow_run
		b = append(b, `,"id":`...)
		b = pyjson.AppendText(b, input.ID)
	}
	return append(b, '}')
}
