package flowwire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// Ids that tests use.
const (
	idRun   = sample.IDKnown
	idOther = sample.IDOther
	idFlow  = sample.IDFlowRun
)

var noon = sample.Noon

// emptyDetails are the details of a state after the ids, if nothing is set.
const emptyDetails = `"child_flow_run_id":null,"scheduled_time":null,"cache_key":null,"cache_expiration":null,"deferred":null,` +
	`"untrackable_result":false,"pause_timeout":null,"pause_reschedule":false,"pause_key":null,"run_input_keyset":null,"refresh_cache":null,` +
	`"retriable":null,"transition_id":null,"task_parameters_id":null,"traceparent":null,"deployment_concurrency_lease_id":null}`

func runningState() *orchestration.State {
	return &orchestration.State{ID: idOther, Type: orchestration.Running, Name: "Going", Timestamp: noon}
}

const runningText = `{"id":"` + idOther + `","type":"RUNNING","name":"Going","timestamp":"2026-08-21T12:00:00Z","message":null,"data":null,` +
	`"state_details":{"flow_run_id":"` + idRun + `","task_run_id":"` + idOther + `",` + emptyDetails + `}`

func TestARunIsWrittenWithEveryFieldInOrder(t *testing.T) {
	t.Parallel()
	at := noon.Add(time.Microsecond)
	run := &flowrun.Run{
		ID: idRun, Created: noon, Updated: at, FlowID: idFlow, IdempotencyKey: new("k"), ParentTaskRunID: idOther,
		DeploymentID: idOther, DeploymentVersion: new("d1"), WorkQueueName: new("q"), AutoScheduled: true,
		Context: []byte(`{"c": 1}`), CreatedBy: &flowrun.Creator{ID: idOther, Type: "AUTOMATION", DisplayValue: "mine"},
		Labels: map[string]json.RawMessage{"z": []byte(`1.50`), "a": []byte(`"x"`)},
		Editable: flowrun.Editable{
			Name: "calm-otter", FlowVersion: new("v1"), Parameters: []byte(`{"x": 1.0}`), Tags: []string{"b", "a", "b"},
			Policy:            flowrun.Policy{MaxRetries: "3", RetryDelaySeconds: "7", Retries: new(int64(2)), RetryDelay: new(int64(5))},
			InfrastructurePID: new("pod"), JobVariables: []byte(`{"j":1}`),
		},
		FlowRunProgress: orchestration.FlowRunProgress{
			Progress: orchestration.Progress{
				State: runningState(), RunCount: 2, ExpectedStartTime: &noon, NextScheduledStartTime: &at, StartTime: &at, EndTime: &at,
				TotalRunTime: 1500 * time.Millisecond,
			},
			PauseKeys: []string{"1", "2"}, Resuming: true, RetryType: orchestration.RetryReschedule,
		},
	}
	const want = `{"id":"` + idRun + `","created":"2026-08-21T12:00:00Z","updated":"2026-08-21T12:00:00.000001Z","name":"calm-otter",` +
		`"flow_id":"` + idFlow + `","state_id":"` + idOther + `","deployment_id":"` + idOther + `","deployment_version":"d1","work_queue_id":null,` +
		`"work_queue_name":"q","flow_version":"v1","parameters":{"x": 1.0},"idempotency_key":"k","context":{"c": 1},` +
		`"empirical_policy":{"max_retries":3,"retry_delay_seconds":7.0,"retries":2,"retry_delay":5,"pause_keys":["1","2"],"resuming":true,` +
		`"retry_type":"reschedule"},"tags":["b","a","b"],"labels":{"a":"x","z":1.50},"parent_task_run_id":"` + idOther + `",` +
		`"state_type":"RUNNING","state_name":"Going","run_count":2,"expected_start_time":"2026-08-21T12:00:00Z",` +
		`"next_scheduled_start_time":"2026-08-21T12:00:00.000001Z","start_time":"2026-08-21T12:00:00.000001Z",` +
		`"end_time":"2026-08-21T12:00:00.000001Z","total_run_time":1.5,"estimated_run_time":2.5,"estimated_start_time_delta":1e-06,` +
		`"auto_scheduled":true,"infrastructure_document_id":null,"infrastructure_pid":"pod",` +
		`"created_by":{"id":"` + idOther + `","type":"AUTOMATION","display_value":"mine"},"work_pool_id":null,"work_pool_name":null,` +
		`"state":` + runningText + `,"job_variables":{"j":1}}`
	if diff := cmp.Diff(want, string(AppendRun(nil, run, noon.Add(time.Second)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARunWithoutAnythingIsWritten(t *testing.T) {
	t.Parallel()
	const want = `{"id":"` + idRun + `","created":"2026-08-21T12:00:00Z","updated":"2026-08-21T12:00:00Z","name":"","flow_id":"` + idFlow + `",` +
		`"state_id":null,"deployment_id":null,"deployment_version":null,"work_queue_id":null,"work_queue_name":null,"flow_version":null,` +
		`"parameters":{},"idempotency_key":null,"context":{},"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,` +
		`"retry_delay":null,"pause_keys":[],"resuming":false,"retry_type":null},"tags":[],"labels":{},"parent_task_run_id":null,` +
		`"state_type":null,"state_name":null,"run_count":0,"expected_start_time":null,"next_scheduled_start_time":null,"start_time":null,` +
		`"end_time":null,"total_run_time":0.0,"estimated_run_time":0.0,"estimated_start_time_delta":0.0,"auto_scheduled":false,` +
		`"infrastructure_document_id":null,"infrastructure_pid":null,"created_by":null,"work_pool_id":null,"work_pool_name":null,` +
		`"state":null,"job_variables":null}`
	run := &flowrun.Run{ID: idRun, Created: noon, Updated: noon, FlowID: idFlow}
	if diff := cmp.Diff(want, string(AppendRun(nil, run, noon))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFlowIsWritten(t *testing.T) {
	t.Parallel()
	flow := &flowrun.Flow{ID: idFlow, Created: noon, Updated: noon, Name: `a"b`, Tags: []string{"t"}}
	const begin = `{"id":"` + idFlow + `","created":"2026-08-21T12:00:00Z","updated":"2026-08-21T12:00:00Z","name":"a\"b","tags":["t"],"labels":`
	if got, want := string(AppendFlow(nil, flow)), begin+"null}"; got != want {
		t.Errorf("without labels: %s, want %s", got, want)
	}
	flow.Labels = map[string]json.RawMessage{"b": []byte("true"), "a": []byte("1.0")}
	if got, want := string(AppendFlow(nil, flow)), begin+`{"a":1.0,"b":true}}`; got != want {
		t.Errorf("with labels: %s, want %s", got, want)
	}
}

func TestAnOutcomeIsWritten(t *testing.T) {
	t.Parallel()
	run := &flowrun.Run{ID: idRun, ParentTaskRunID: idOther}
	for name, tc := range map[string]struct {
		outcome flowrun.Outcome
		want    string
	}{
		"accepted":                 {flowrun.Outcome{State: runningState(), Status: orchestration.Accept}, `{"state":` + runningText + `,"status":"ACCEPT","details":{"type":"accept_details"}}`},
		"rejected":                 {flowrun.Outcome{State: runningState(), Status: orchestration.Reject, Reason: "no"}, `{"state":` + runningText + `,"status":"REJECT","details":{"type":"reject_details","reason":"no"}}`},
		"to be proposed later":     {flowrun.Outcome{State: runningState(), Status: orchestration.Wait, Reason: "soon", Delay: 90 * time.Second}, `{"state":` + runningText + `,"status":"WAIT","details":{"type":"wait_details","delay_seconds":90,"reason":"soon"}}`},
		"not paused":               {flowrun.Outcome{Status: orchestration.Abort, Reason: "no"}, `{"state":null,"status":"ABORT","details":{"type":"abort_details","reason":"no"}}`},
		"input that is not valid":  {flowrun.Outcome{State: runningState(), Status: orchestration.Reject, Reason: "n", InputRejected: true}, `{"state":` + runningText + `,"status":"REJECT","details":{"type":"abort_details","reason":"n"}}`},
		"rejected without a state": {flowrun.Outcome{Status: orchestration.Reject}, `{"state":null,"status":"REJECT","details":{"type":"reject_details","reason":null}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.outcome.Run = run
			if diff := cmp.Diff(tc.want, string(AppendOutcome(nil, &tc.outcome))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutcomesOfManyRunsAreWritten(t *testing.T) {
	t.Parallel()
	outcome := flowrun.Outcome{Run: &flowrun.Run{ID: idRun, ParentTaskRunID: idOther}, State: runningState(), Status: orchestration.Reject, Reason: "no"}
	const begin = `{"flow_run_id":"` + idRun + `","status":`
	if got, want := string(AppendRunOutcome(nil, outcome)), begin+`"REJECT","state":`+runningText+`,"details":{"type":"reject_details","reason":"no"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	outcome.State, outcome.Status = nil, orchestration.Abort
	if got, want := string(AppendRunOutcome(nil, outcome)), begin+`"ABORT","state":null,"details":{"type":"abort_details","reason":"no"}}`; got != want {
		t.Errorf("without a state: %s, want %s", got, want)
	}
}

func TestPartsOfListsAreWritten(t *testing.T) {
	t.Parallel()
	run := &flowrun.Run{ID: idRun}
	run.State, run.ExpectedStartTime, run.TotalRunTime = runningState(), &noon, time.Second
	later := noon.Add(1500 * time.Millisecond)
	started := *run
	started.StartTime = &later
	const begin = `{"id":"` + idRun + `","state_type":"RUNNING","timestamp":`
	for want, got := range map[string][]byte{
		`{"deleted":[]}`:        AppendDeleted(nil, nil),
		`{"deleted":["a","b"]}`: AppendDeleted(nil, []string{"a", "b"}),
		`null`:                  AppendLateness(nil, nil),
		`2.0`:                   AppendLateness(nil, new(2.0)),
		begin + `"2026-08-21T12:00:00Z","duration":2.5,"lateness":1.5}`:        AppendPoint(nil, run, later),
		begin + `"2026-08-21T12:00:01.500000Z","duration":2.5,"lateness":1.5}`: AppendPoint(nil, &started, later),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnInputIsWritten(t *testing.T) {
	t.Parallel()
	in := &flowrun.Input{ID: idOther, Created: noon, RunID: idRun, Key: "k-1", Value: `{"a":1}`}
	const want = `{"id":"` + idOther + `","created":"2026-08-21T12:00:00Z","updated":"2026-08-21T12:00:00Z","flow_run_id":"` + idRun + `",` +
		`"key":"k-1","value":"{\"a\":1}","sender":null}`
	if got := string(AppendInput(nil, in)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The rows are what Python 3.11 writes with csv.writer.
func TestALogLineIsWrittenAsARow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		line logs.Line
		want string
	}{
		"whole seconds":         {logs.Line{Timestamp: noon, Level: 20, Message: "hello"}, "2026-08-21 12:00:00+00:00,20,,,hello\r\n"},
		"microseconds":          {logs.Line{Timestamp: noon.Add(1500 * time.Nanosecond), Message: " blanks "}, "2026-08-21 12:00:00.000001+00:00,0,,, blanks \r\n"},
		"another zone":          {logs.Line{Timestamp: noon.In(time.FixedZone("", 3600)), Message: ""}, "2026-08-21 12:00:00+00:00,0,,,\r\n"},
		"ids":                   {logs.Line{Timestamp: noon, FlowRunID: "f", TaskRunID: "t", Message: "x"}, "2026-08-21 12:00:00+00:00,0,f,t,x\r\n"},
		"a comma":               {logs.Line{Timestamp: noon, Message: "a,b"}, "2026-08-21 12:00:00+00:00,0,,,\"a,b\"\r\n"},
		"quotes":                {logs.Line{Timestamp: noon, Message: `say "a"`}, "2026-08-21 12:00:00+00:00,0,,,\"say \"\"a\"\"\"\r\n"},
		"ends of lines as sent": {logs.Line{Timestamp: noon, Message: "a\nb\r\nc\rd"}, "2026-08-21 12:00:00+00:00,0,,,\"a\nb\r\nc\rd\"\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(AppendLogRow(nil, &tc.line)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
