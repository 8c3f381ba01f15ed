package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// bodyOf parses a JSON body.
func bodyOf(t *testing.T, text string) pyjson.Value {
	t.Helper()
	body, err := pyjson.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return body
}

// detailOf returns the text of a DetailError, "" for any other error.
func detailOf(err error) string {
	if detail, ok := errors.AsType[*DetailError](err); ok {
		return detail.Text
	}
	return ""
}

// itemsOf returns the errors in an InvalidError, none for any other error.
func itemsOf(err error) []validate.Error {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		return invalid.Items
	}
	return nil
}

// faultsOf lists the types and locs of the errors.
func faultsOf(t *testing.T, err error) string {
	t.Helper()
	var lines []string
	for _, fault := range itemsOf(err) {
		loc, err := json.Marshal(fault.Loc)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fault.Type+string(loc))
	}
	return strings.Join(lines, " ")
}

// created decodes a TaskRunCreate with the required keys and some more.
func created(t *testing.T, more string) taskrun.NewRun {
	t.Helper()
	in, err := DecodeCreate(bodyOf(t, `{"task_key":"k","dynamic_key":"d"`+more+`}`))
	if err != nil {
		t.Fatalf("%s: faults %s", more, faultsOf(t, err))
	}
	return in
}

func TestDecodeCreate_readsEveryField(t *testing.T) {
	t.Parallel()
	const id, flow = "0198a1b2-0000-7000-8000-00000000000a", "0198a1b2-0000-7000-8000-0000000000f1"
	got := created(t, `,"id":"`+strings.ToUpper(id)+`","flow_run_id":"{`+flow+`}","name":"n","cache_key":"c",
		"cache_expiration":"2031-02-03T04:05:06+02:00","task_version":"v","tags":["b","a","b"],
		"labels":{"big":123456789012345678901234567890,"f":1e3,"n":NaN,"t":true,"s":"<ü>"},
		"empirical_policy":{"retries":"3","retry_delay":[1,2.0],"retry_jitter_factor":1},
		"task_inputs":{"x":[{"input_type":"flow_run","id":"`+flow+`"}],"wait_for":[]},
		"state":{"type":"SCHEDULED","name":"","message":"m","data":{"b":1e2,"a":[NaN,"\u0000"]}}`)
	cacheKey, version, name, message, no := "c", "v", "", "m", false
	expiration := time.Date(2031, 2, 3, 4, 5, 6, 0, time.FixedZone("", 2*60*60))
	want := taskrun.NewRun{
		Run: taskrun.Run{
			ID: id, FlowRunID: flow, Name: "n", TaskKey: "k", DynamicKey: "d", CacheKey: &cacheKey, CacheExpiration: &expiration, TaskVersion: &version,
			Policy: taskrun.Policy{Retries: "3", RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"1.0", "2.0"}}, RetryJitterFactor: "1.0"},
			Tags:   []string{"b", "a", "b"},
			Labels: map[string]json.RawMessage{
				"big": json.RawMessage("123456789012345678901234567890"), "f": json.RawMessage("1000.0"), "n": json.RawMessage("null"),
				"t": json.RawMessage("true"), "s": json.RawMessage(`"<ü>"`),
			},
			TaskInputs: map[string][]taskrun.TaskInput{"x": {{InputType: taskrun.InputFlowRun, ID: flow}}, "wait_for": {}},
		},
		State: &taskrun.Proposal{
			Type: orchestration.Scheduled, Name: &name, Message: &message, Data: json.RawMessage(`{"b":100.0,"a":[null,"\u0000"]}`),
			Details: orchestration.StateDetails{Deferred: &no},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if text := got.Run.CacheExpiration.Format(time.RFC3339); text != "2031-02-03T04:05:06+02:00" {
		t.Errorf("the client's offset is lost: %s", text)
	}
}

func TestDecodeCreate_defaults(t *testing.T) {
	t.Parallel()
	want := taskrun.NewRun{Run: taskrun.Run{
		TaskKey: "k", DynamicKey: "d", Tags: []string{}, Labels: map[string]json.RawMessage{}, TaskInputs: map[string][]taskrun.TaskInput{},
	}}
	for name, more := range map[string]string{
		"no other keys":      "",
		"null where allowed": `,"id":null,"state":null,"name":null,"flow_run_id":null,"cache_key":null,"cache_expiration":null,"task_version":null,"labels":null`,
		"a false name":       `,"name":0`,
		"an empty name":      `,"name":""`,
		"a list for a name":  `,"name":[]`,
	} {
		if diff := cmp.Diff(want, created(t, more)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeCreate_errors(t *testing.T) {
	t.Parallel()
	const keys = `"task_key":"k","dynamic_key":"d"`
	for body, want := range map[string]string{
		"null": `missing["body"]`,
		"[]":   `model_attributes_type["body"]`,
		`"x"`:  `model_attributes_type["body"]`,
		"{}":   `missing["body","task_key"] missing["body","dynamic_key"]`,
		`{` + keys + `,"tags":null,"task_inputs":null}`:                    `list_type["body","tags"] dict_type["body","task_inputs"]`,
		`{` + keys + `,"empirical_policy":null}`:                           `model_attributes_type["body","empirical_policy"]`,
		`{` + keys + `,"empirical_policy":[]}`:                             `model_attributes_type["body","empirical_policy"]`,
		`{` + keys + `,"empirical_policy":{"retry_delay":[1.5,NaN]}}`:      `finite_number["body","empirical_policy","retry_delay"]`,
		`{` + keys + `,"empirical_policy":{"retry_jitter_factor":-1e999}}`: `value_error["body","empirical_policy","retry_jitter_factor"]`,
		`{` + keys + `,"cache_key":"` + strings.Repeat("ü", 2001) + `"}`:   `value_error["body","cache_key"]`,
		`{` + keys + `,"state":[]}`:                                        `model_attributes_type["body","state"]`,
		`{` + keys + `,"state":{"type":"running","zz":1}}`:                 `enum["body","state","type"] extra_forbidden["body","state","zz"]`,
		`{"zz":1,"dynamic_key":1,"task_key":2,"id":3}`:                     `uuid_type["body","id"] string_type["body","task_key"] string_type["body","dynamic_key"] extra_forbidden["body","zz"]`,
	} {
		if _, err := DecodeCreate(bodyOf(t, body)); faultsOf(t, err) != want {
			t.Errorf("%.80s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
	created(t, `,"cache_key":"`+strings.Repeat("ü", 2000)+`"`)
}

func TestPolicy_deprecatedKeysSetCurrentOnes(t *testing.T) {
	t.Parallel()
	one := func(seconds string) *taskrun.RetryDelay { return &taskrun.RetryDelay{Seconds: []string{seconds}} }
	cases := map[string]taskrun.Policy{
		`{}`: {},
		`{"max_retries":0,"retry_delay_seconds":0.0}`:         {MaxRetries: "0", RetryDelaySeconds: "0.0"},
		`{"max_retries":3}`:                                   {MaxRetries: "3", Retries: "3"},
		`{"max_retries":3,"retries":0}`:                       {MaxRetries: "3", Retries: "3"},
		`{"max_retries":3,"retries":null}`:                    {MaxRetries: "3", Retries: "3"},
		`{"max_retries":3,"retries":5}`:                       {MaxRetries: "3", Retries: "5"},
		`{"retries":-2,"retry_delay":null}`:                   {Retries: "-2"},
		`{"retry_delay_seconds":7}`:                           {RetryDelaySeconds: "7.0", RetryDelay: one("7")},
		`{"retry_delay_seconds":7.5,"retry_delay":[]}`:        {RetryDelaySeconds: "7.5", RetryDelay: one("7.5")},
		`{"retry_delay_seconds":7.5,"retry_delay":2}`:         {RetryDelaySeconds: "7.5", RetryDelay: one("2")},
		`{"retry_delay":4.0}`:                                 {RetryDelay: one("4.0")},
		`{"retry_delay":[]}`:                                  {RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{}}},
		`{"retry_delay":NaN,"retry_jitter_factor":1e400}`:     {},
		`{"retries":9223372036854775808,"unknown":{"a":[1]}}`: {Retries: "9223372036854775808"},
	}
	for policy, want := range cases {
		if diff := cmp.Diff(want, created(t, `,"empirical_policy":`+policy).Run.Policy); diff != "" {
			t.Errorf("%s (-want +got):\n%s", policy, diff)
		}
	}
}

func TestTaskInput_kinds(t *testing.T) {
	t.Parallel()
	const id = "0198a1b2-0000-7000-8000-00000000000a"
	cases := map[string]taskrun.TaskInput{
		`{"input_type":"task_run","id":"` + id + `","name":"p"}`: {InputType: taskrun.InputTaskRun, ID: id},
		`{"input_type":"flow_run","id":"` + id + `"}`:            {InputType: taskrun.InputFlowRun, ID: id},
		`{"input_type":"parameter","name":"p","more":1}`:         {InputType: taskrun.InputParameter, Name: "p"},
		`{"input_type":"constant","type":"int"}`:                 {InputType: taskrun.InputConstant, Type: "int"},
		`{"id":"` + id + `"}`:                                    {InputType: taskrun.InputTaskRun, ID: id},
		`{"id":"` + id + `","name":"p","type":"t"}`:              {InputType: taskrun.InputParameter, Name: "p"},
		`{"id":"` + id + `","name":1,"type":"t"}`:                {InputType: taskrun.InputConstant, Type: "t"},
	}
	for text, want := range cases {
		got := created(t, `,"task_inputs":{"x":[`+text+`]}`).Run.TaskInputs["x"]
		if diff := cmp.Diff([]taskrun.TaskInput{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	_, err := DecodeCreate(bodyOf(t, `{"task_key":"k","dynamic_key":"d","task_inputs":{"x":[{"input_type":"flow_run","id":"x"}]}}`))
	const at = `["body","task_inputs","x",0,`
	want := strings.Join([]string{
		"literal_error" + at + `"TaskRunResult","input_type"]`, "uuid_parsing" + at + `"TaskRunResult","id"]`,
		"uuid_parsing" + at + `"FlowRunResult","id"]`,
		"literal_error" + at + `"Parameter","input_type"]`, "missing" + at + `"Parameter","name"]`,
		"literal_error" + at + `"Constant","input_type"]`, "missing" + at + `"Constant","type"]`,
	}, " ")
	if got := faultsOf(t, err); got != want {
		t.Errorf("faults %s, want %s", got, want)
	}
}

func TestStateDetails_values(t *testing.T) {
	t.Parallel()
	const id = "0198a1b2-0000-7000-8000-00000000000a"
	yes, no, key := true, false, "k"
	at := time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)
	cases := map[string]orchestration.StateDetails{
		`{}`:                         {Deferred: &no},
		`{"deferred":null}`:          {},
		`{"deferred":"yes","foo":1}`: {Deferred: &yes},
		`{"flow_run_id":"` + id + `","task_run_id":"` + id + `","child_flow_run_id":"` + id + `","scheduled_time":"2031-02-03","cache_key":"k",
			"cache_expiration":"2031-02-03","deferred":1,"untrackable_result":true,"pause_timeout":"2031-02-03","pause_reschedule":"on","pause_key":"k",
			"run_input_keyset":{"a":"k"},"refresh_cache":true,"retriable":false,"transition_id":"` + id + `","task_parameters_id":"` + id + `",
			"traceparent":"k","deployment_concurrency_lease_id":"` + id + `"}`: {
			ChildFlowRunID: id, ScheduledTime: &at, CacheKey: &key, CacheExpiration: &at, Deferred: &yes, UntrackableResult: true, PauseTimeout: &at,
			PauseReschedule: true, PauseKey: &key, RunInputKeyset: map[string]string{"a": "k"}, RefreshCache: &yes, Retriable: &no, TransitionID: id,
			TaskParametersID: id, Traceparent: &key, DeploymentConcurrencyLeaseID: id,
		},
	}
	for details, want := range cases {
		got := created(t, `,"state":{"type":"PENDING","state_details":`+details+`}`).State.Details
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", details, diff)
		}
	}
}
