package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestDecodeEvent_invalidEvents(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"not JSON":                    {"hello", "Expecting value"},
		"nothing":                     {"", "Expecting value"},
		"a list":                      {"[]", "Input should be a valid dictionary"},
		"no time":                     {sample.EventText(map[string]string{"occurred": ""}), "occurred: Field required"},
		"an invalid time":             {sample.EventText(map[string]string{"occurred": `"soon"`}), "occurred: Value error, Unable to parse string [soon]"},
		"no event name":               {sample.EventText(map[string]string{"event": ""}), "event: Field required"},
		"a name that is not a text":   {sample.EventText(map[string]string{"event": "5"}), "event: Input should be a valid string"},
		"no id":                       {sample.EventText(map[string]string{"id": ""}), "id: Field required"},
		"an invalid id":               {sample.EventText(map[string]string{"id": `"x"`}), "id: Input should be a valid UUID"},
		"no resource":                 {sample.EventText(map[string]string{"resource": ""}), "resource: Field required"},
		"a null resource":             {sample.EventText(map[string]string{"resource": "null"}), "resource: Input should be a valid dictionary"},
		"a resource without an id":    {sample.EventText(map[string]string{"resource": "{}"}), "resource: Value error, Resources must include the prefect.resource.id label"},
		"a resource with an empty id": {sample.EventText(map[string]string{"resource": `{"prefect.resource.id":""}`}), "resource: Value error, The prefect.resource.id label must be non-empty"},
		"a label that is not a text":  {sample.EventText(map[string]string{"resource": `{"prefect.resource.id":"x","n":1}`}), "resource.n: Input should be a valid string"},
		"a null payload":              {sample.EventText(map[string]string{"payload": "null"}), "payload: Input should be a valid dictionary"},
		"related null":                {sample.EventText(map[string]string{"related": "null"}), "related: Input should be a valid list"},
		"related without a role":      {sample.EventText(map[string]string{"related": `[{"prefect.resource.id":"x"}]`}), "related.0: Value error, Related Resources must include the prefect.resource.role label"},
		"related with an empty role":  {sample.EventText(map[string]string{"related": `[{"prefect.resource.id":"x","prefect.resource.role":""}]`}), "related.0: Value error, The prefect.resource.role label must be non-empty"},
		"an invalid follows":          {strings.TrimSuffix(sample.EventText(nil), "}") + `,"follows":"x"}`, "follows: Input should be a valid UUID"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := DecodeEventFrame([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

// surplus holds members that exceed the limits of an event.
func surplus() map[string]map[string]string {
	many := func(item string, n int, most string) string {
		var text strings.Builder
		for i := range n {
			text.WriteString(strings.ReplaceAll(item, "#", strings.Repeat("i", i+1)) + ",")
		}
		return text.String() + most
	}
	const flowRun = `{"prefect.resource.id":"prefect.flow-run.` + idOther + `","prefect.resource.role":"flow-run"}`
	const resource = `"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"client"`
	return map[string]map[string]string{
		"a name that is too long":         {"event": `"prefect.task-run.` + strings.Repeat("é", 1025) + `"`},
		"too many labels":                 {"resource": "{" + many(`"#":""`, 501, resource) + "}"},
		"too many related":                {"related": "[" + many(`{"prefect.resource.id":"x","prefect.resource.role":"#"}`, 101, flowRun) + "]"},
		"too many labels of one resource": {"related": `[{` + many(`"#":""`, 501, flowRun[1:len(flowRun)-1]) + `}]`},
		"a count that is too large":       payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","run_count":9223372036854775808}`),
		"an infinite time":                payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","total_run_time":Infinity}`),
	}
}

// An event beyond the limits still reports its state. Listeners do not get the
// event in its own form, because their own limits would reject it.
func TestEventsBeyondLimits_areAcceptedButNotSentAsReports(t *testing.T) {
	t.Parallel()
	for name, replace := range surplus() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := DecodeEventFrame([]byte(sample.EventText(replace)))
			if err != nil {
				t.Fatal(err)
			}
			report, err := DecodeReport(e)
			if !e.ReportsRun() || err != nil || report.RunID != idKnown {
				t.Fatalf("reports a run: %t, error %v, run %q", e.ReportsRun(), err, report.RunID)
			}
			if flowRun := report.Patch.FlowRunID.Value; replace["related"] != "" && (flowRun == nil || *flowRun != idOther) {
				t.Errorf("flow run = %v, want %s", flowRun, idOther)
			}
			if inBounds := replace["payload"] != ""; e.exceeds() == inBounds {
				t.Errorf("beyond the bounds = %t, want %t", e.exceeds(), !inBounds)
			}
		})
	}
}

func TestDecodeEvent_validEvents(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"all members":                  sample.EventText(nil),
		"without related and payload":  sample.EventText(map[string]string{"related": "", "payload": ""}),
		"with other keys":              strings.TrimSuffix(sample.EventText(nil), "}") + `,"follows":null,"received":1}`,
		"a name of the maximum length": sample.EventText(map[string]string{"event": `"` + strings.Repeat("é", 1024) + `"`}),
		"a time in another format":     sample.EventText(map[string]string{"occurred": `"2026-08-21 10:00+02:00"`}),
	} {
		if _, err := DecodeEventFrame([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReportsRun_onlyReportsOfClients(t *testing.T) {
	t.Parallel()
	resource := func(orchestration string) string {
		return `{"prefect.resource.id":"prefect.task-run.` + idKnown + `"` + orchestration + `}`
	}
	cases := map[string]struct {
		replace map[string]string
		want    bool
	}{
		"a client":                        {nil, true},
		"another name with the prefix":    {map[string]string{"event": `"prefect.task-run.My state"`}, true},
		"a name without the whole prefix": {map[string]string{"event": `"prefect.task-runner.Running"`}, true},
		"a flow run":                      {map[string]string{"event": `"prefect.flow-run.Running"`}, false},
		"any other event":                 {map[string]string{"event": `"my.event"`}, false},
		"a server":                        {map[string]string{"resource": resource(`,"prefect.orchestration":"server"`)}, false},
		"no origin":                       {map[string]string{"resource": resource("")}, false},
		"an origin in upper case":         {map[string]string{"resource": resource(`,"prefect.orchestration":"CLIENT"`)}, false},
	}
	for name, tc := range cases {
		e, err := DecodeEventFrame([]byte(sample.EventText(tc.replace)))
		if err != nil {
			t.Fatal(err)
		}
		if got := e.ReportsRun(); got != tc.want {
			t.Errorf("%s: reports a run = %t, want %t", name, got, tc.want)
		}
	}
}

// payloadOf returns a payload with these members.
func payloadOf(state, run string) map[string]string {
	return map[string]string{"payload": `{"validated_state":` + state + `,"task_run":` + run + `}`}
}

// leastState and leastRun have only the required members.
const (
	leastState = `{"type":"RUNNING"}`
	leastRun   = `{"task_key":"k","dynamic_key":"d"}`
)

// reported decodes an event and its report.
func reported(t *testing.T, replace map[string]string) (taskrun.Event, error) {
	t.Helper()
	e, err := DecodeEventFrame([]byte(sample.EventText(replace)))
	if err != nil {
		t.Fatal(err)
	}
	return DecodeReport(e)
}

func TestReport_numberOfDelaysIsNotLimited(t *testing.T) {
	t.Parallel()
	delays := strings.TrimSuffix(strings.Repeat("1,", 51), ",")
	report, err := reported(t, payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","empirical_policy":{"retry_delay":[`+delays+`]}}`))
	if err != nil || len(report.Patch.Policy.Value.RetryDelay.Seconds) != 51 {
		t.Errorf("report %+v, error %v, want 51 delays, which the use case cuts", report, err)
	}
}

func TestReport_invalidReports(t *testing.T) {
	t.Parallel()
	resource := func(id string) map[string]string {
		return map[string]string{"resource": `{"prefect.resource.id":"` + id + `"}`}
	}
	cases := map[string]struct {
		replace map[string]string
		want    string
	}{
		"no payload":                 {map[string]string{"payload": "{}"}, "payload.validated_state: Field required"},
		"no run":                     {map[string]string{"payload": `{"validated_state":` + leastState + `}`}, "payload.task_run: Field required"},
		"a null run":                 {payloadOf(leastState, "null"), "payload.task_run: Input should be a valid dictionary"},
		"a run without a key":        {payloadOf(leastState, `{"dynamic_key":"d"}`), "payload.task_run.task_key: Field required"},
		"a run without another key":  {payloadOf(leastState, `{"task_key":"d"}`), "payload.task_run.dynamic_key: Field required"},
		"a null state":               {payloadOf("null", leastRun), "payload.validated_state: Input should be a valid dictionary"},
		"an unknown state":           {payloadOf(`{"type":"NOPE"}`, leastRun), "payload.validated_state.type: Input should be"},
		"a state without a type":     {payloadOf(`{}`, leastRun), "payload.validated_state.type: Field required"},
		"null details":               {payloadOf(`{"type":"RUNNING","state_details":null}`, leastRun), "state_details: Input should be a valid dictionary"},
		"a null id":                  {payloadOf(`{"type":"RUNNING","id":null}`, leastRun), "validated_state.id: UUID input"},
		"a null time":                {payloadOf(`{"type":"RUNNING","timestamp":null}`, leastRun), "validated_state.timestamp: value is not a valid datetime"},
		"null tags":                  {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","tags":null}`), "tags: Input should be a valid list"},
		"null inputs":                {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","task_inputs":null}`), "task_inputs: Input should be a valid dictionary"},
		"a null policy":              {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","empirical_policy":null}`), "empirical_policy: Input should be a valid dictionary"},
		"a null count":               {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","run_count":null}`), "run_count: Input should be a valid integer"},
		"a null run time":            {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","total_run_time":null}`), "total_run_time: Input should be a valid number"},
		"an invalid run time":        {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","total_run_time":"long"}`), "total_run_time: Input should be a valid number"},
		"an empty run time":          {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","total_run_time":NaN}`), "total_run_time: Value error, the duration is no number"},
		"an invalid start time":      {payloadOf(leastState, `{"task_key":"k","dynamic_key":"d","start_time":"x"}`), "start_time: Value error, Unable to parse string [x]"},
		"a resource without a run":   {resource("prefect.task-run.nope"), "resource: Input should be a valid UUID"},
		"a resource of another kind": {resource("prefect.flow-run." + idKnown), "is no resource of the kind"},
		"an invalid flow run": {
			map[string]string{"related": `[{"prefect.resource.id":"prefect.flow-run.x","prefect.resource.role":"flow-run"}]`}, "related.0: Input should be a valid UUID",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := reported(t, tc.replace); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

var occurred = time.Date(2026, 8, 21, 10, 0, 1, 1000, time.UTC)

func TestReport_readsGivenFields(t *testing.T) {
	t.Parallel()
	no := false
	empty, message := "", "boom"
	state := orchestration.State{
		ID: idOther, Type: orchestration.Running, Name: "Running", Timestamp: occurred, Details: orchestration.StateDetails{Deferred: &no},
	}
	columns := taskrun.Patch{FlowRunID: taskrun.Null[string](), TaskKey: taskrun.Set("k"), DynamicKey: taskrun.Set("d")}
	withState := func(change func(*orchestration.State)) taskrun.Event {
		changed := state
		change(&changed)
		return taskrun.Event{RunID: idKnown, State: changed, Patch: columns}
	}
	withColumns := func(change func(*taskrun.Patch)) taskrun.Event {
		changed := columns
		change(&changed)
		return taskrun.Event{RunID: idKnown, State: state, Patch: changed}
	}
	run := func(more string) map[string]string {
		return payloadOf(leastState, `{"task_key":"k","dynamic_key":"d",`+more+`}`)
	}
	zone := time.Date(2026, 8, 21, 8, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		replace map[string]string
		want    taskrun.Event
	}{
		"the required members": {payloadOf(leastState, leastRun), withColumns(func(*taskrun.Patch) {})},
		"fields of the server are ignored": {
			run(`"id":"x","created":1,"updated":[],"flow_run_id":"x","state":{},"state_id":5,"state_type":"x","state_name":1,"estimated_run_time":"x","nope":1`),
			withColumns(func(*taskrun.Patch) {}),
		},
		"an empty message": {payloadOf(`{"type":"RUNNING","message":"","name":null}`, leastRun), withState(func(s *orchestration.State) { s.Message = &empty })},
		"a custom name and data": {
			payloadOf(`{"type":"COMPLETED","name":"","message":"boom","data":{"type":"unpersisted","artifact_key":1.0},"nope":1}`, leastRun),
			withState(func(s *orchestration.State) {
				s.Type, s.Name, s.Message, s.Data = orchestration.Completed, "", &message, json.RawMessage(`{"type":"unpersisted","artifact_key":1.0}`)
			}),
		},
		"its own id and time": {
			payloadOf(`{"type":"RUNNING","id":"`+idUnknown+`","timestamp":"2026-08-21T10:00:00+02:00"}`, leastRun),
			withState(func(s *orchestration.State) { s.ID, s.Timestamp = idUnknown, zone }),
		},
		"scheduled without a time takes its own time": {payloadOf(`{"type":"SCHEDULED"}`, leastRun), withState(func(s *orchestration.State) {
			s.Type, s.Name, s.Details.ScheduledTime = orchestration.Scheduled, "Scheduled", &occurred
		})},
		"the first of several flow runs": {
			map[string]string{
				"related": `[{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"},` +
					`{"prefect.resource.id":"prefect.flow-run.` + idFlowRun + `","prefect.resource.role":"flow-run"},` +
					`{"prefect.resource.id":"x","prefect.resource.role":"flow-run"}]`,
				"payload": payloadOf(leastState, leastRun)["payload"],
			},
			withColumns(func(c *taskrun.Patch) { c.FlowRunID = taskrun.Set(idFlowRun) }),
		},
		"nulls clear fields": {
			run(`"name":null,"cache_key":null,"cache_expiration":null,"task_version":null,"labels":null,"expected_start_time":null,` +
				`"next_scheduled_start_time":null,"start_time":null,"end_time":null`),
			withColumns(func(c *taskrun.Patch) {
				c.Name, c.CacheKey, c.TaskVersion = taskrun.Null[string](), taskrun.Null[string](), taskrun.Null[string]()
				c.Labels = taskrun.Null[map[string]json.RawMessage]()
				c.CacheExpiration, c.ExpectedStartTime, c.NextScheduledStartTime = taskrun.Null[time.Time](), taskrun.Null[time.Time](), taskrun.Null[time.Time]()
				c.StartTime, c.EndTime = taskrun.Null[time.Time](), taskrun.Null[time.Time]()
			}),
		},
		"texts": {run(`"name":"n","cache_key":"","task_version":"v"`), withColumns(func(c *taskrun.Patch) {
			c.Name, c.CacheKey, c.TaskVersion = taskrun.Set("n"), taskrun.Set(""), taskrun.Set("v")
		})},
		"an empty name counts as null": {run(`"name":""`), withColumns(func(c *taskrun.Patch) { c.Name = taskrun.Null[string]() })},
		"lists and objects": {
			run(`"tags":["b","a"],"labels":{"l":1.0},"task_inputs":{"x":[{"input_type":"constant","type":"int"}]},"empirical_policy":{"max_retries":2,"retry_delay":[1,2.5]}`),
			withColumns(func(c *taskrun.Patch) {
				c.Tags = taskrun.Set([]string{"b", "a"})
				c.Labels = taskrun.Set(map[string]json.RawMessage{"l": json.RawMessage("1.0")})
				c.TaskInputs = taskrun.Set(map[string][]taskrun.TaskInput{"x": {{InputType: taskrun.InputConstant, Type: "int"}}})
				c.Policy = taskrun.Set(taskrun.Policy{MaxRetries: "2", Retries: "2", RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"1.0", "2.5"}}})
			}),
		},
		"numbers and times": {
			run(`"run_count":"3","flow_run_run_count":1,"total_run_time":"PT1M0.5S","start_time":"2026-08-21T10:00:00+02:00","end_time":1787299200`),
			withColumns(func(c *taskrun.Patch) {
				c.RunCount, c.FlowRunRunCount, c.TotalRunTime = taskrun.Set[int64](3), taskrun.Set[int64](1), taskrun.Set(60500*time.Millisecond)
				c.StartTime, c.EndTime = taskrun.Set(zone), taskrun.Set(time.Unix(1787299200, 0).UTC())
			}),
		},
		"a negative run time": {run(`"total_run_time":-1.5`), withColumns(func(c *taskrun.Patch) { c.TotalRunTime = taskrun.Set(-1500 * time.Millisecond) })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := reported(t, tc.replace)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, seed := range []string{
		sample.EventText(nil), "[]", "hello", sample.EventText(map[string]string{"payload": "{}"}),
		sample.EventText(payloadOf(`{"type":"SCHEDULED","data":NaN,"state_details":{"deferred":true}}`, `{"task_key":"","dynamic_key":"","labels":{"a":-0.0},"total_run_time":1e400}`)),
		sample.EventText(payloadOf(`{"type":"FAILED","timestamp":1}`, `{"task_key":"k","dynamic_key":"d","name":0,"total_run_time":"P1W","run_count":1e3}`)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := DecodeEventFrame([]byte(text))
		if err != nil || e.ID == "" || e.resource[labelResourceID] == "" {
			if err == nil {
				t.Fatalf("an event without an id or a resource: %+v", e)
			}
			return
		}
		report, err := DecodeReport(e)
		if err != nil {
			return
		}
		if report.RunID == "" || report.State.ID == "" || report.State.Type == "" || !report.Patch.FlowRunID.Given {
			t.Fatalf("a report without what it has to have: %+v", report)
		}
		checkDecoded(t, nil, report.State.Data)
		if labels := report.Patch.Labels; labels.Value != nil {
			for _, label := range *labels.Value {
				checkDecoded(t, nil, label)
			}
		}
	})
}

// FuzzDecodeEventFilter checks that every frame either gives a filter or an
// error with a valid text.
func FuzzDecodeEventFilter(f *testing.F) {
	for _, seed := range []string{sample.FutureFilter, `{"type":"filter","filter":{"é":{}}}`, `{"type":"filter","filter":{"resource":{"labels":{"a":["b*","!c"]}}}}`} {
		f.Add(seed)
	}
	change := sample.Change(orchestration.Completed, "Completed")
	f.Fuzz(func(t *testing.T, text string) {
		frame, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		filter, err := DecodeFilterFrame(frame)
		if err != nil {
			return
		}
		_ = filter.Matches(&change)
		if options, _ := filter.TaskRuns(noon); options.Since.Before(noon.Add(-maxBackfill)) {
			t.Fatalf("goes back to %s", options.Since)
		}
	})
}
