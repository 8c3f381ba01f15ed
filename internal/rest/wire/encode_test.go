package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestTimesAreWrittenAsDocumented(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -5*3600-30*60)
	cases := map[string]struct {
		time time.Time
		want string
	}{
		"without microseconds there is no fraction": {time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC), `"2031-02-03T04:05:06Z"`},
		"with any there are six digits":             {time.Date(2031, 2, 3, 4, 5, 6, 100000000, time.UTC), `"2031-02-03T04:05:06.100000Z"`},
		"what is finer is cut off":                  {time.Date(2031, 2, 3, 4, 5, 6, 999, time.UTC), `"2031-02-03T04:05:06Z"`},
		"another zone keeps its offset":             {time.Date(2031, 2, 3, 4, 5, 6, 0, zone), `"2031-02-03T04:05:06-05:30"`},
		"an offset of nothing is UTC":               {time.Date(2031, 2, 3, 4, 5, 6, 0, time.FixedZone("x", 0)), `"2031-02-03T04:05:06Z"`},
		"the first year has four digits":            {time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), `"0001-01-01T00:00:00Z"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(appendTime(nil, tc.time)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestDurationsAreFloats(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                                   "0.0",
		10 * time.Second:                    "10.0",
		1500 * time.Millisecond:             "1.5",
		time.Microsecond:                    "1e-06",
		100 * time.Microsecond:              "0.0001",
		-2 * time.Second:                    "-2.0",
		123*time.Second + time.Microsecond:  "123.000001",
		100000*time.Hour + time.Microsecond: "360000000.000001",
	} {
		if got := string(appendSeconds(nil, d)); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

func TestPoliciesAreWrittenAsDocumented(t *testing.T) {
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
		"numbers that JSON has not": {
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

func TestRunIsWrittenWithEveryFieldInOrder(t *testing.T) {
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

func TestRunWithoutAnythingIsWrittenWithEveryField(t *testing.T) {
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
		if got := member(t, string(bare), key); got != want {
			t.Errorf("%s = %s, want %s", key, got, want)
		}
	}
}

func TestLabelsThatEventsDidNotTellAreNull(t *testing.T) {
	t.Parallel()
	none := taskrun.Null[map[string]json.RawMessage]()
	for name, tc := range map[string]struct {
		reported *taskrun.Patch
		want     string
	}{
		"nothing was reported":  {nil, "{}"},
		"something else was":    {&taskrun.Patch{Name: taskrun.Set("n")}, "{}"},
		"null was":              {&taskrun.Patch{Labels: none}, "null"},
		"an empty object was":   {&taskrun.Patch{Labels: taskrun.Set(map[string]json.RawMessage{})}, "{}"},
		"null was, with others": {&taskrun.Patch{Labels: none, Name: taskrun.Set("n")}, "null"},
	} {
		run := &taskrun.Run{ID: idKnown, Reported: tc.reported}
		if got := member(t, string(AppendRun(nil, run, noon)), "labels"); got != tc.want {
			t.Errorf("%s: labels = %s, want %s", name, got, tc.want)
		}
	}
}

func TestVerdictsAreWrittenAsDocumented(t *testing.T) {
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
		"told to wait": {
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

// Times are written as the package time writes them in the documented formats.
func TestTimesAreWrittenInTheDocumentedFormat(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, time.FixedZone("", 0), time.FixedZone("", 2*3600), time.FixedZone("", -5*3600-1800)}
	for _, zone := range zones {
		for _, nanos := range []int{0, 1, 999, 1000, 1001, 10_000, 123_456_789, 999_999_999, 500_000_000} {
			for _, year := range []int{1, 999, 1969, 1970, 2026, 9999} {
				at := time.Date(year, time.February, 3, 4, 5, 6, nanos, zone)
				want := at.Format("2006-01-02T15:04:05.000000Z07:00")
				if nanos < 1000 {
					want = at.Format("2006-01-02T15:04:05Z07:00")
				}
				if got := string(appendTime(nil, at)); got != `"`+want+`"` {
					t.Errorf("appendTime(%v) = %s, want %q", at, got, want)
				}
			}
		}
	}
}

func BenchmarkRunIsWritten(b *testing.B) {
	run := fullRun()
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendRun(out[:0], run, noon)
	}
}
