package wire

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// given returns the object without null members, at all levels, and without those
// that events omit.
func given(object pyjson.Value, leftOut func(pyjson.Member) bool) []byte {
	o := pyjson.BeginObject(nil)
	for _, m := range object.Members() {
		if m.Value.IsNull() || leftOut(m) {
			continue
		}
		o = o.TextMember(m.Key)
		if m.Value.Kind() == pyjson.Object {
			o = append(o, given(m.Value, func(pyjson.Member) bool { return false })...)
		} else {
			o = m.Value.AppendTo(o)
		}
	}
	return o.End()
}

// serverColumns are the fields of a run that events omit (contract §4.3).
var serverColumns = []string{
	"id", "created", "updated", "flow_run_id", "state_id", "state_type", "state_name", "state",
	"estimated_run_time", "estimated_start_time_delta",
}

// TestEventRun_matchesTheAPI compares the runs and states in events with the
// responses of the API, without the fields that events omit.
func TestEventRun_matchesTheAPI(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		run := drawRun(t)
		want := given(parsed(AppendRun(nil, run, noon)), func(m pyjson.Member) bool { return slices.Contains(serverColumns, m.Key) })
		if got := appendEventRun(nil, run); string(got) != string(want) {
			t.Errorf("run of an event\n got %s\nwant %s", got, want)
		}
		details := &run.State.Details
		want = given(parsed(appendDetails(nil, StateOwner{FlowRunID: run.FlowRunID, TaskRunID: run.ID}, details)), func(m pyjson.Member) bool {
			return m.Key == "task_run_id" || m.Key == "flow_run_id" || m.Value.Kind() == pyjson.Bool && !m.Value.Bool()
		})
		if got := appendEventDetails(nil, details); string(got) != string(want) {
			t.Errorf("details of an event\n got %s\nwant %s", got, want)
		}
	})
}

// drawer draws random values for the fields of a run.
type drawer struct{ *rapid.T }

func (d drawer) text() string {
	return rapid.SampledFrom([]string{"", "a", "é\"\\\n", "\u2028<&>\x00", "x\xffy", "0198a1b2-0000-7000-8000-000000000001"}).Draw(d.T, "text")
}

func (d drawer) number() string {
	return rapid.SampledFrom([]string{"", "0", "-0", "4", "5.0", "1e3", "1E+400", "0.10", "123456789012345678901234567890", "Infinity", "-Infinity", "NaN"}).Draw(d.T, "number")
}

func (d drawer) flag() bool { return rapid.Bool().Draw(d.T, "flag") }

func (d drawer) textOrNull() *string {
	if d.flag() {
		return nil
	}
	return new(d.text())
}

func (d drawer) flagOrNull() *bool {
	if d.flag() {
		return nil
	}
	return new(d.flag())
}

func (d drawer) timeOrNull() *time.Time {
	if d.flag() {
		return nil
	}
	return new(noon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(d.T, "time")) * 777_777 * time.Microsecond))
}

func (d drawer) texts() []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return drawer{t}.text() }), 0, 3).Draw(d.T, "texts")
}

func (d drawer) labels() map[string]json.RawMessage {
	labels := map[string]json.RawMessage{}
	for _, key := range d.texts() {
		labels[key] = json.RawMessage(rapid.SampledFrom([]string{`null`, `true`, `false`, `1.50`, `007`, `1e999`, `5.0`, `"é\u00e9\/"`, `NaN`}).Draw(d.T, "label"))
		if string(labels[key]) == "007" { // not JSON
			labels[key] = json.RawMessage("7")
		}
	}
	return labels
}

func (d drawer) details() orchestration.StateDetails {
	details := orchestration.StateDetails{
		ChildFlowRunID: d.text(), ScheduledTime: d.timeOrNull(), CacheKey: d.textOrNull(), CacheExpiration: d.timeOrNull(),
		Deferred: d.flagOrNull(), UntrackableResult: d.flag(), PauseTimeout: d.timeOrNull(), PauseReschedule: d.flag(),
		PauseKey: d.textOrNull(), RefreshCache: d.flagOrNull(), Retriable: d.flagOrNull(), TransitionID: d.text(),
		TaskParametersID: d.text(), Traceparent: d.textOrNull(), DeploymentConcurrencyLeaseID: d.text(),
	}
	if d.flag() {
		details.RunInputKeyset = map[string]string{}
		for _, key := range d.texts() {
			details.RunInputKeyset[key] = d.text()
		}
	}
	return details
}

func drawRun(t *rapid.T) *taskrun.Run {
	d := drawer{t}
	run := sample.Run(d.text())
	run.FlowRunID, run.TaskKey, run.DynamicKey = d.text(), d.text(), d.text()
	run.CacheKey, run.CacheExpiration, run.TaskVersion = d.textOrNull(), d.timeOrNull(), d.textOrNull()
	run.Policy = taskrun.Policy{MaxRetries: d.number(), RetryDelaySeconds: d.number(), Retries: d.number(), RetryJitterFactor: d.number()}
	if d.flag() {
		run.Policy.RetryDelay = &taskrun.RetryDelay{List: d.flag()}
		for range rapid.IntRange(0, 3).Draw(t, "delays") {
			run.Policy.RetryDelay.Seconds = append(run.Policy.RetryDelay.Seconds, d.number())
		}
	}
	run.Tags, run.Labels = d.texts(), d.labels()
	if d.flag() {
		run.Reported = &taskrun.Patch{Labels: rapid.SampledFrom([]taskrun.Optional[map[string]json.RawMessage]{{}, taskrun.Set[map[string]json.RawMessage](nil)}).Draw(t, "labels")}
	}
	run.TaskInputs = map[string][]taskrun.TaskInput{d.text(): {
		{InputType: taskrun.InputTaskRun, ID: d.text()}, {InputType: taskrun.InputParameter, Name: d.text()}, {InputType: taskrun.InputConstant, Type: d.text()},
	}, "none": {}}
	run.RunCount, run.FlowRunRunCount = rapid.Int64().Draw(t, "count"), 3
	run.ExpectedStartTime, run.NextScheduledStartTime, run.StartTime, run.EndTime = d.timeOrNull(), d.timeOrNull(), d.timeOrNull(), d.timeOrNull()
	run.TotalRunTime = time.Duration(rapid.Int64Range(-1e9, 1e15).Draw(t, "spent"))
	run.State.Details = d.details()
	return run
}
