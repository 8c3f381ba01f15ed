package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestEventFrame_content(t *testing.T) {
	t.Parallel()
	boom, yes, no := "boom", true, false
	plain := sample.Change(orchestration.Failed, "Failed")
	plain.Reported = true
	plain.State.Message, plain.State.Details.Deferred = &boom, &no
	plain.Run.Policy = taskrun.Policy{Retries: "0"}
	plain.Run.Tags = []string{"b", "a"}
	plain.Run.RunCount = 2

	full := sample.Change(orchestration.Completed, "Cached")
	full.Run.FlowRunID = idFlowRun
	full.State.Data = json.RawMessage(`{"a":null}`)
	full.State.Details.Deferred, full.State.Details.UntrackableResult = &yes, true
	full.Previous = &orchestration.State{ID: idUnknown, Type: orchestration.Running, Name: "Running", Timestamp: noon.Add(-time.Minute)}

	const (
		resource = `"resource":{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.resource.name":"add",`
		run      = `"name":"add","task_key":"add-1a2b3c4d","dynamic_key":"0",`
	)
	for name, tc := range map[string]struct {
		change taskrun.Change
		want   string
	}{
		"reported, without a state before": {plain, `{"type":"event","event":{"occurred":"2026-08-21T12:00:00Z","event":"prefect.task-run.Failed",` +
			resource + `"prefect.run-count":"2","prefect.state-message":"boom","prefect.state-name":"Failed",` +
			`"prefect.state-timestamp":"2026-08-21T12:00:00Z","prefect.state-type":"FAILED","prefect.orchestration":"client"},"related":[],` +
			`"payload":{"intended":{"from":null,"to":"FAILED"},"initial_state":null,` +
			`"validated_state":{"type":"FAILED","name":"Failed","message":"boom","state_details":{},"data":null},"task_run":{` + run +
			`"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":0},"tags":["b","a"],"labels":{},"task_inputs":{},` +
			`"run_count":2,"flow_run_run_count":0,"total_run_time":0.0}},"id":"` + idOther + `","follows":null,"received":"2026-08-21T12:00:00.001000Z"}}`},
		"created by the server, in a flow run": {full, `{"type":"event","event":{"occurred":"2026-08-21T12:00:00Z","event":"prefect.task-run.Cached",` +
			resource + `"prefect.run-count":"0","prefect.state-message":"","prefect.state-name":"Cached",` +
			`"prefect.state-timestamp":"2026-08-21T12:00:00Z","prefect.state-type":"COMPLETED","prefect.orchestration":"server"},` +
			`"related":[{"prefect.resource.id":"prefect.flow-run.` + idFlowRun + `","prefect.resource.role":"flow-run"}],` +
			`"payload":{"intended":{"from":"RUNNING","to":"COMPLETED"},"initial_state":{"type":"RUNNING","name":"Running","message":"","state_details":{}},` +
			`"validated_state":{"type":"COMPLETED","name":"Cached","message":"","state_details":{"deferred":true,"untrackable_result":true},"data":{"a":null}},` +
			`"task_run":{` + run + `"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0},"tags":[],"labels":{},"task_inputs":{},` +
			`"run_count":0,"flow_run_run_count":0,"total_run_time":0.0}},"id":"` + idOther + `","follows":"` + idUnknown + `","received":"2026-08-21T12:00:00.001000Z"}}`},
	} {
		if got := string(AppendEventFrame(nil, &tc.change)); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

func TestEventFrame_followsRecentEventOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ago  time.Duration
		want string
	}{
		"a moment before":            {time.Second, idUnknown},
		"almost five minutes before": {5*time.Minute - time.Microsecond, idUnknown},
		"five minutes before":        {5 * time.Minute, ""},
		"later, by another clock":    {-time.Hour, ""},
	} {
		change := sample.Change(orchestration.Completed, "Completed")
		change.Previous = &orchestration.State{ID: idUnknown, Timestamp: noon.Add(-tc.ago)}
		if got := followed(change.State, change.Previous); got != tc.want {
			t.Errorf("%s: follows %q, want %q", name, got, tc.want)
		}
	}
}

// TestEventFrame_canBeDecoded checks that the decoder accepts our own events.
func TestEventFrame_canBeDecoded(t *testing.T) {
	t.Parallel()
	change := sample.Change(orchestration.Completed, "Completed")
	change.Reported = true
	var frame struct {
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(AppendEventFrame(nil, &change), &frame); err != nil {
		t.Fatal(err)
	}
	e, err := DecodeEventFrame(frame.Event)
	if err != nil || !e.ReportsRun() {
		t.Fatalf("%v, reports a run: %t", err, e.ReportsRun())
	}
	report, err := DecodeReport(e)
	if err != nil {
		t.Fatal(err)
	}
	if report.RunID != change.Run.ID || report.State.ID != change.State.ID || !report.State.Timestamp.Equal(change.State.Timestamp) {
		t.Errorf("report = %+v, want the change", report)
	}
}
