package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestAppendPolicy_documentedForms(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy taskrun.Policy
		want   string
	}{
		"none": {
			taskrun.Policy{},
			`{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,"retry_delay":null,"retry_jitter_factor":null}`,
		},
		"one delay of each kind": {
			taskrun.Policy{
				MaxRetries: "3", RetryDelaySeconds: "5", Retries: "9223372036854775808",
				RetryDelay: &taskrun.RetryDelay{Seconds: []string{"5.0"}}, RetryJitterFactor: "1",
			},
			`{"max_retries":3,"retry_delay_seconds":5.0,"retries":9223372036854775808,"retry_delay":5.0,"retry_jitter_factor":1.0}`,
		},
		"a list of delays": {
			taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"1", "2"}}},
			`{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,"retry_delay":[1,2],"retry_jitter_factor":null}`,
		},
		"numbers that JSON does not support": {
			taskrun.Policy{
				RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"Infinity", "NaN"}}, RetryJitterFactor: "Infinity",
			},
			`{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,"retry_delay":[null,null],"retry_jitter_factor":null}`,
		},
		"an empty list": {
			taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true}},
			`{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,"retry_delay":[],"retry_jitter_factor":null}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, string(appendPolicy(nil, &tc.policy))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// fullRun has every field set.
func fullRun() *taskrun.Run {
	at := noon.Add(time.Microsecond)
	run := &taskrun.Run{
		ID: idKnown, Created: noon, Updated: at, Name: "calm-otter", FlowRunID: idFlowRun, TaskKey: "add", DynamicKey: "0",
		CacheKey: new("ck"), CacheExpiration: &at, TaskVersion: new("v1"), Tags: []string{"a", "b"},
		Labels: map[string]json.RawMessage{"z": []byte(`1.50`), "a": []byte(`"x"`), "none": nil},
		TaskInputs: map[string][]taskrun.TaskInput{
			"x": {{InputType: taskrun.InputTaskRun, ID: idOther}, {InputType: taskrun.InputFlowRun, ID: idOther}},
			"y": {{InputType: taskrun.InputParameter, Name: "p"}, {InputType: taskrun.InputConstant, Type: "int"}},
			"w": {},
		},
	}
	run.RunCount, run.FlowRunRunCount = 2, 3
	run.ExpectedStartTime, run.NextScheduledStartTime, run.StartTime, run.EndTime = &noon, &at, &at, &at
	run.TotalRunTime = 1500 * time.Millisecond
	run.State = &orchestration.State{
		ID: idOther, Type: orchestration.Completed, Name: "Done", Timestamp: noon, Message: new("m"), Data: []byte(`{"a": 1}`),
		Details: orchestration.StateDetails{
			ChildFlowRunID: idFlowRun, ScheduledTime: &noon, CacheKey: new("k"), CacheExpiration: &noon, Deferred: new(true),
			UntrackableResult: true, PauseTimeout: &noon, PauseReschedule: true, PauseKey: new("p"),
			RunInputKeyset: map[string]string{"b": "2", "a": "1"}, RefreshCache: new(true), Retriable: new(false),
			TransitionID: idOther, TaskParametersID: idOther, Traceparent: new("00-x"), DeploymentConcurrencyLeaseID: idOther,
		},
	}
	return run
}

func TestAppendRun_everyFieldInOrder(t *testing.T) {
	t.Parallel()
	const want = `{"id":"` + idKnown + `","created":"2026-08-21T12:00:00Z","updated":"2026-08-21T12:00:00.000001Z",` +
		`"name":"calm-otter","flow_run_id":"` + idFlowRun + `","task_key":"add","dynamic_key":"0","cache_key":"ck",` +
		`"cache_expiration":"2026-08-21T12:00:00.000001Z","task_version":"v1",` +
		`"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,"retry_delay":null,"retry_jitter_factor":null},` +
		`"tags":["a","b"],"labels":{"a":"x","none":null,"z":1.50},"state_id":"` + idOther + `",` +
		`"task_inputs":{"w":[],"x":[{"input_type":"task_run","id":"` + idOther + `"},{"input_type":"flow_run","id":"` + idOther + `"}],` +
		`"y":[{"input_type":"parameter","name":"p"},{"input_type":"constant","type":"int"}]},` +
		`"state_type":"COMPLETED","state_name":"Done","run_count":2,"flow_run_run_count":3,` +
		`"expected_start_time":"2026-08-21T12:00:00Z","next_scheduled_start_time":"2026-08-21T12:00:00.000001Z",` +
		`"start_time":"2026-08-21T12:00:00.000001Z","end_time":"2026-08-21T12:00:00.000001Z",` +
		`"total_run_time":1.5,"estimated_run_time":1.5,"estimated_start_time_delta":1e-06,` +
		`"state":{"id":"` + idOther + `","type":"COMPLETED","name":"Done","timestamp":"2026-08-21T12:00:00Z","message":"m",` +
		`"data":{"a": 1},"state_details":{"flow_run_id":"` + idFlowRun + `","task_run_id":"` + idKnown + `",` +
		`"child_flow_run_id":"` + idFlowRun + `","scheduled_time":"2026-08-21T12:00:00Z","cache_key":"k",` +
		`"cache_expiration":"2026-08-21T12:00:00Z","deferred":true,"untrackable_result":true,` +
		`"pause_timeout":"2026-08-21T12:00:00Z","pause_reschedule":true,"pause_key":"p","run_input_keyset":{"a":"1","b":"2"},` +
		`"refresh_cache":true,"retriable":false,"transition_id":"` + idOther + `","task_parameters_id":"` + idOther + `",` +
		`"traceparent":"00-x","deployment_concurrency_lease_id":"` + idOther + `"}}}`
	if diff := cmp.Diff(want, string(AppendRun(nil, fullRun(), noon))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAppendRun_emptyRunHasEveryField(t *testing.T) {
	t.Parallel()
	bare := AppendRun(nil, &taskrun.Run{ID: idKnown}, noon)
	keys := func(text []byte) []string {
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		return orderedKeys(object, nil)
	}
	if diff := cmp.Diff(keys(AppendRun(nil, fullRun(), noon)), keys(bare)); diff != "" {
		t.Errorf("keys (-full +bare):\n%s", diff)
	}
	for key, want := range map[string]string{
		"tags": "[]", "labels": "{}", "task_inputs": "{}", "state": "null", "state_id": "null", "state_type": "null",
		"start_time": "null", "total_run_time": "0.0", "run_count": "0", "flow_run_id": "null",
	} {
		if got := sample.Member(t, string(bare), key); got != want {
			t.Errorf("%s = %s, want %s", key, got, want)
		}
	}
}

func TestAppendRun_unreportedLabelsAreNull(t *testing.T) {
	t.Parallel()
	none := taskrun.Null[map[string]json.RawMessage]()
	for name, tc := range map[string]struct {
		reported *taskrun.Patch
		want     string
	}{
		"no reported fields":                     {nil, "{}"},
		"another reported field":                 {&taskrun.Patch{Name: taskrun.Set("n")}, "{}"},
		"reported null labels":                   {&taskrun.Patch{Labels: none}, "null"},
		"reported empty labels":                  {&taskrun.Patch{Labels: taskrun.Set(map[string]json.RawMessage{})}, "{}"},
		"reported null labels and another field": {&taskrun.Patch{Labels: none, Name: taskrun.Set("n")}, "null"},
	} {
		run := &taskrun.Run{ID: idKnown, Reported: tc.reported}
		if got := sample.Member(t, string(AppendRun(nil, run, noon)), "labels"); got != tc.want {
			t.Errorf("%s: labels = %s, want %s", name, got, tc.want)
		}
	}
}

func TestAppendResult_documentedForms(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		decision orchestration.Decision
		want     string
	}{
		"accepted": {
			orchestration.Decision{Status: orchestration.Accept},
			`{"state":null,"status":"ACCEPT","details":{"type":"accept_details"}}`,
		},
		"rejected": {
			orchestration.Decision{Status: orchestration.Reject, Reason: "no"},
			`{"state":null,"status":"REJECT","details":{"type":"reject_details","reason":"no"}}`,
		},
		"aborted without a reason": {
			orchestration.Decision{Status: orchestration.Abort},
			`{"state":null,"status":"ABORT","details":{"type":"abort_details","reason":null}}`,
		},
		"a wait": {
			orchestration.Decision{Status: orchestration.Wait, Reason: "soon", Delay: 61 * time.Second},
			`{"state":null,"status":"WAIT","details":{"type":"wait_details","delay_seconds":61,"reason":"soon"}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := string(AppendResult(nil, &taskrun.Outcome{Run: &taskrun.Run{}, Decision: tc.decision}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
