package flowwire

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func parse(t *testing.T, text string) pyjson.Value {
	t.Helper()
	body, fault := pyjson.Parse([]byte(text))
	if fault != nil {
		t.Fatalf("%s: %v", text, fault)
	}
	return body
}

// faultsOf lists the types and places of the faults.
func faultsOf(t *testing.T, err error) string {
	t.Helper()
	invalid, ok := errors.AsType[*wire.InvalidError](err)
	if !ok {
		t.Fatalf("error %v, want an InvalidError", err)
	}
	var all []string
	for _, item := range invalid.Items {
		place, err := json.Marshal(item.Loc)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item.Type+string(place))
	}
	return strings.Join(all, " ")
}

func created(t *testing.T, text string) RunCreate {
	t.Helper()
	in, err := DecodeRunCreate(parse(t, text), http.Header{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return in
}

func TestARunWithOnlyAFlowHasDefaults(t *testing.T) {
	t.Parallel()
	want := RunCreate{NewRun: flowrun.NewRun{Run: flowrun.Run{
		FlowID: idFlow, Context: []byte("{}"), Labels: map[string]json.RawMessage{},
		Editable: flowrun.Editable{Parameters: []byte("{}"), Tags: []string{}, JobVariables: []byte("{}")},
	}}}
	if diff := cmp.Diff(want, created(t, `{"flow_id":"`+strings.ToUpper(idFlow)+`"}`)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARunWithEveryField(t *testing.T) {
	t.Parallel()
	got := created(t, `{"state":{"type":"RUNNING","name":"n"},"name":"given","flow_id":"`+idFlow+`","flow_version":"v",
		"parameters":{"b":[1.50,NaN],"a":"ü"},"context":{"c":1},"parent_task_run_id":"`+idOther+`","infrastructure_document_id":"`+idOther+`",
		"empirical_policy":{"max_retries":"3","retry_delay_seconds":7,"pause_keys":["b","a","b"],"resuming":"yes","retry_type":"in_process","more":1},
		"tags":["a","a"],"labels":{"x":1.0},"idempotency_key":"k","work_pool_name":"p","work_queue_name":"q","job_variables":{"j":{}},
		"deployment_id":"`+idOther+`"}`)
	want := RunCreate{
		NewRun: flowrun.NewRun{
			Run: flowrun.Run{
				FlowID: idFlow, IdempotencyKey: new("k"), ParentTaskRunID: idOther, DeploymentID: idOther, WorkQueueName: new("q"),
				Context: []byte(`{"c":1}`), Labels: map[string]json.RawMessage{"x": []byte("1.0")},
				Editable: flowrun.Editable{
					Name: "given", FlowVersion: new("v"), Parameters: []byte(`{"b":[1.5,null],"a":"ü"}`), Tags: []string{"a", "a"},
					Policy:       flowrun.Policy{MaxRetries: "3", RetryDelaySeconds: "7.0", Retries: new(int64(3)), RetryDelay: new(int64(7))},
					JobVariables: []byte(`{"j":{}}`),
				},
				FlowRunProgress: orchestration.FlowRunProgress{PauseKeys: []string{"b", "a"}, Resuming: true, RetryType: orchestration.RetryInProcess},
			},
			State: &taskrun.Proposal{Type: orchestration.Running, Name: new("n"), Details: orchestration.StateDetails{Deferred: new(false)}},
		},
		InfrastructureDocumentID: idOther, WorkPoolName: "p",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJobVariablesThatAreNotSent(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		``:                          `{}`,
		`,"job_variables":null`:     `{}`,
		`,"idempotency_key":"k"`:    ``,
		`,"idempotency_key":""`:     `{}`,
		`,"idempotency_key":null`:   `{}`,
		`,"job_variables":{"a":{}}`: `{"a":{}}`,
		`,"job_variables":null,"idempotency_key":"k"`: ``,
	} {
		if got := string(created(t, `{"flow_id":"`+idFlow+`"`+keys+`}`).Run.JobVariables); got != want {
			t.Errorf("with %q: %q, want %q", keys, got, want)
		}
	}
}

func TestParametersAreLimitedAsPythonCountsThem(t *testing.T) {
	t.Parallel()
	const text = "Value error, Flow run parameters must be less than 524,288 bytes when serialized (got 524,289 bytes)."
	for name, tc := range map[string]struct {
		fill string
		more int
		want string
	}{
		"as many as possible":       {"a", 0, ""},
		"one byte more":             {"a", 1, text},
		"characters that count six": {"ü", 0, "Value error, Flow run parameters must be less than 524,288 bytes when serialized (got 3,145,688 bytes)."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parameters := `{"p":"` + strings.Repeat(tc.fill, flowrun.MaxParameters-len(`{"p":""}`)+tc.more) + `"}`
			for _, decode := range []func() error{
				func() error {
					_, err := DecodeRunCreate(parse(t, `{"flow_id":"`+idFlow+`","parameters":`+parameters+`}`), http.Header{})
					return err
				},
				func() error { _, err := DecodeRunUpdate(parse(t, `{"parameters":`+parameters+`}`)); return err },
			} {
				err := decode()
				if tc.want == "" {
					if err != nil {
						t.Errorf("error %v, want none", err)
					}
					continue
				}
				if got := faultsOf(t, err); got != `value_error["body","parameters"]` {
					t.Errorf("faults %s", got)
				}
				invalid, _ := errors.AsType[*wire.InvalidError](err)
				if got := invalid.Items[0].Msg; got != tc.want {
					t.Errorf("text %q, want %q", got, tc.want)
				}
			}
		})
	}
}

func TestTheAutomationInTheHeadersIsTheCreator(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		id, display string
		want        *flowrun.Creator
	}{
		"both":                        {idOther, "bXkgYXV0b21hdGlvbg==", &flowrun.Creator{ID: idOther, Type: "AUTOMATION", DisplayValue: "my automation"}},
		"another spelling of the id":  {"{" + strings.ToUpper(idOther) + "}", "bXk=", &flowrun.Creator{ID: idOther, Type: "AUTOMATION", DisplayValue: "my"}},
		"blanks in the name":          {idOther, " bX k= ", &flowrun.Creator{ID: idOther, Type: "AUTOMATION", DisplayValue: "my"}},
		"no name":                     {idOther, "", nil},
		"no id":                       {"", "bXk=", nil},
		"a name that ends too early":  {idOther, "bXk", nil},
		"a name that is not a text":   {idOther, "/w==", nil},
		"a name without a character":  {idOther, "!!", nil},
		"neither the id nor the name": {"", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			for key, value := range map[string]string{"Prefect-Automation-Id": tc.id, "Prefect-Automation-Name": tc.display} {
				if value != "" {
					header.Set(key, value)
				}
			}
			in, err := DecodeRunCreate(parse(t, `{"flow_id":"`+idFlow+`"}`), header)
			if diff := cmp.Diff(tc.want, in.Run.CreatedBy); diff != "" || err != nil {
				t.Errorf("error %v, creator (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestFaultsOfHeadersComeBeforeThoseOfTheBody(t *testing.T) {
	t.Parallel()
	header := http.Header{"Prefect-Automation-Id": {"x"}}
	for body, want := range map[string]string{
		`{"flow_id":1,"more":1}`: `uuid_parsing["header","prefect-automation-id"] uuid_type["body","flow_id"] extra_forbidden["body","more"]`,
		`null`:                   `uuid_parsing["header","prefect-automation-id"] missing["body"]`,
	} {
		_, err := DecodeRunCreate(parse(t, body), header)
		if got := faultsOf(t, err); got != want {
			t.Errorf("%s: faults %s, want %s", body, got, want)
		}
	}
}

func TestAnUpdateHasTheKeysOfTheBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]flowrun.Edit{
		`{}`:                                   {},
		`{"name":"n"}`:                         {Name: taskrun.Set("n")},
		`{"name":null}`:                        {Name: taskrun.Null[string]()},
		`{"name":""}`:                          {Name: taskrun.Null[string]()},
		`{"flow_version":null}`:                {FlowVersion: taskrun.Null[string]()},
		`{"infrastructure_pid":"p","tags":[]}`: {InfrastructurePID: taskrun.Set("p"), Tags: taskrun.Set([]string{})},
		`{"parameters":{"a":1}}`:               {Parameters: taskrun.Set(json.RawMessage(`{"a":1}`))},
		`{"job_variables":null}`:               {JobVariables: taskrun.Null[json.RawMessage]()},
		`{"job_variables":{"a":1}}`:            {JobVariables: taskrun.Set(json.RawMessage(`{"a":1}`))},
		`{"empirical_policy":{}}`:              {Policy: taskrun.Set(flowrun.EmpiricalPolicy{})},
		`{"empirical_policy":{"max_retries":2,"pause_keys":["a"],"retries":0}}`: {Policy: taskrun.Set(flowrun.EmpiricalPolicy{
			Policy: flowrun.Policy{MaxRetries: "2", Retries: new(int64(2))}, PauseKeys: []string{"a"},
		})},
	} {
		got, err := DecodeRunUpdate(parse(t, body))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, edit (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestNumbersOfAPolicyBeyondTheRangeAreTheNearestInIt(t *testing.T) {
	t.Parallel()
	in := created(t, `{"flow_id":"`+idFlow+`","empirical_policy":{"retries":9223372036854775808,"retry_delay":-9223372036854775809}}`)
	if p := in.Run.Policy; *p.Retries != math.MaxInt64 || *p.RetryDelay != math.MinInt64 {
		t.Errorf("retries %d, retry_delay %d", *p.Retries, *p.RetryDelay)
	}
}

func TestTimesOfAPauseCanBeUnixNumbers(t *testing.T) {
	t.Parallel()
	p, err := wire.DecodeSetState(parse(t, `{"state":{"type":"PAUSED","state_details":{"pause_timeout":1795997137.26625,"deferred":null}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Details.PauseTimeout.Format("2006-01-02T15:04:05.999999"); got != "2026-11-30T00:05:37.26625" || p.Details.Deferred != nil {
		t.Errorf("pause_timeout %s, deferred %v", got, p.Details.Deferred)
	}
}

func TestAFlowIsRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]flowrun.NewFlow{
		`{"name":"a b"}`: {Name: "a b", Tags: []string{}, Labels: map[string]json.RawMessage{}},
		`{"name":"a","tags":["t","t"],"labels":{"x":true}}`: {Name: "a", Tags: []string{"t", "t"}, Labels: map[string]json.RawMessage{"x": []byte("true")}},
		`{"name":"a","labels":null}`:                        {Name: "a", Tags: []string{}},
	} {
		got, err := DecodeFlowCreate(parse(t, body))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, flow (-want +got):\n%s", body, err, diff)
		}
	}
	for body, want := range map[string]bool{`{}`: false, `{"tags":[]}`: true} {
		if tags, given, err := DecodeFlowUpdate(parse(t, body)); given != want || len(tags) > 0 || err != nil {
			t.Errorf("%s: tags %v, given %t, error %v", body, tags, given, err)
		}
	}
	for body, want := range map[string]string{
		`{"tags":null}`: `list_type["body","tags"]`, `{"name":"n"}`: `extra_forbidden["body","name"]`, "null": `missing["body"]`,
	} {
		if _, _, err := DecodeFlowUpdate(parse(t, body)); faultsOf(t, err) != want {
			t.Errorf("%s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
}

func TestInputsAreRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`null`:                              `missing["body","key"] missing["body","value"]`,
		`[]`:                                `missing["body","key"] missing["body","value"] missing["body","sender"]`,
		`{"key":null,"value":1,"sender":1}`: `missing["body","key"] bytes_type["body","value"] string_type["body","sender"]`,
		`{"key":1,"value":""}`:              `string_type["body","key"]`,
	} {
		if _, err := DecodeInput(parse(t, body)); faultsOf(t, err) != want {
			t.Errorf("%s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
	got, err := DecodeInput(parse(t, `{"key":"k","value":"{\"a\":1}","sender":"s","more":1}`))
	if diff := cmp.Diff(flowrun.Input{Key: "k", Value: `{"a":1}`, Sender: new("s")}, got); diff != "" || err != nil {
		t.Errorf("error %v, input (-want +got):\n%s", err, diff)
	}
}

func TestFiltersOfInputsAreRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]flowrun.InputFilter{
		`{"prefix":"a"}`:                                 {Prefix: "a", Limit: 1},
		`{"prefix":"","limit":"7"}`:                      {Limit: 7},
		`{"prefix":"a","limit":-1,"exclude_keys":["x"]}`: {Prefix: "a", Limit: math.MaxInt, Exclude: []string{"x"}},
	} {
		got, err := DecodeInputFilter(parse(t, body))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, filter (-want +got):\n%s", body, err, diff)
		}
	}
	for body, want := range map[string]string{
		`{}`:  `missing["body","prefix"]`,
		`"x"`: `missing["body","prefix"] missing["body","limit"] missing["body","exclude_keys"]`,
		`{"prefix":"a","limit":"x","exclude_keys":[1]}`: `int_parsing["body","limit"] string_type["body","exclude_keys",0]`,
	} {
		if _, err := DecodeInputFilter(parse(t, body)); faultsOf(t, err) != want {
			t.Errorf("%s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
}

func TestLabelsOfABodyAreScalars(t *testing.T) {
	t.Parallel()
	got, err := DecodeLabels(parse(t, `{"a":1.0,"b":"x","c":true}`))
	want := map[string]json.RawMessage{"a": []byte("1.0"), "b": []byte(`"x"`), "c": []byte("true")}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, labels (-want +got):\n%s", err, diff)
	}
	const all = `bool_type["body","a","bool"] int_type["body","a","int"] float_type["body","a","float"] string_type["body","a","str"]`
	for body, want := range map[string]string{"null": `missing["body"]`, "[]": `dict_type["body"]`, `{"a":null}`: all, `{"a":{}}`: all} {
		if _, err := DecodeLabels(parse(t, body)); faultsOf(t, err) != want {
			t.Errorf("%s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
}

func TestTheInputOfAResumeIsRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"null": "", "{}": "", `{"run_input":null}`: "", `{"run_input":{}}`: "{}", `{"run_input":{"n":1.50},"more":1}`: `{"n":1.5}`,
	} {
		if got, err := DecodeResume(parse(t, body)); string(got) != want || err != nil {
			t.Errorf("%s: %s, error %v, want %s", body, got, err, want)
		}
	}
}
