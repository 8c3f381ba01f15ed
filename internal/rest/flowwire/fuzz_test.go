package flowwire

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// checkDecoded checks that the response to the error of a body is JSON, and so are the parts of what was read.
func checkDecoded(t *testing.T, err error, parts ...json.RawMessage) {
	t.Helper()
	if invalid, ok := errors.AsType[*wire.InvalidError](err); ok {
		parts = append(parts, wire.AppendInvalid(nil, invalid))
	}
	for _, part := range parts {
		if part != nil && !json.Valid(part) {
			t.Fatalf("this is not JSON: %s", part)
		}
	}
}

// FuzzDecodeRunCreate writes the run that a body creates, and reads it again.
func FuzzDecodeRunCreate(f *testing.F) {
	const flow = `"flow_id":"` + idFlow + `"`
	for _, seed := range []string{
		"null", "{}", `{` + flow + `}`, `{` + flow + `,"name":0,"parameters":{"a":[NaN,1e400]},"labels":{"a":NaN},"tags":["t","t"]}`,
		`{` + flow + `,"empirical_policy":{"max_retries":"x","retries":1e30,"retry_delay":5.0,"pause_keys":["a",1],"resuming":"on","retry_type":"x"}}`,
		`{` + flow + `,"state":{"type":"PAUSED","state_details":{"pause_timeout":1795997137.26625,"run_input_keyset":{"schema":"s"}}},"context":null}`,
		`{` + flow + `,"idempotency_key":"","job_variables":{"a":1},"work_pool_name":"p","infrastructure_document_id":"{x}"}`,
	} {
		f.Add(seed, "", "")
	}
	f.Add(`{`+flow+`}`, idOther, "bXk=")
	f.Fuzz(func(t *testing.T, text, id, name string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		in, err := DecodeRunCreate(body, http.Header{"Prefect-Automation-Id": {id}, "Prefect-Automation-Name": {name}})
		checkDecoded(t, err)
		if err != nil {
			return
		}
		run := in.Run
		run.ID, run.Created, run.Updated = idRun, noon, noon
		first := AppendRun(nil, &run, noon)
		checkDecoded(t, nil, first)
		again := readAgain(t, &in, first)
		again.ID, again.Created, again.Updated, again.CreatedBy = run.ID, run.Created, run.Updated, run.CreatedBy
		if diff := cmp.Diff(string(first), string(AppendRun(nil, &again, noon))); diff != "" {
			t.Fatalf("the run that is read from a response (-want +got):\n%s", diff)
		}
	})
}

// readAgain reads a create from the members of a written run that a client can send.
func readAgain(t *testing.T, in *RunCreate, written []byte) flowrun.Run {
	t.Helper()
	value, fault := pyjson.Parse(written)
	if fault != nil {
		t.Fatal(fault)
	}
	o := pyjson.BeginObject(nil)
	for _, key := range []pyjson.Key{
		"name", "flow_id", "flow_version", "parameters", "context", "parent_task_run_id", "empirical_policy", "tags", "labels",
		"idempotency_key", "work_queue_name", "job_variables", "deployment_id",
	} {
		member, _ := value.Member(string(key))
		o = o.Value(key, member)
	}
	body, fault := pyjson.Parse(o.End())
	if fault != nil {
		t.Fatal(fault)
	}
	again, err := DecodeRunCreate(body, http.Header{})
	if err != nil {
		// A label that JSON does not have was written as null.
		if labels, _ := value.Member("labels"); !hasNull(labels) {
			t.Fatalf("%v in %s", err, written)
		}
		return in.Run
	}
	return again.Run
}

func hasNull(object pyjson.Value) bool {
	for _, member := range object.Members() {
		if member.Value.IsNull() {
			return true
		}
	}
	return false
}

// FuzzDecodeBodies tries all other decoders on each body.
func FuzzDecodeBodies(f *testing.F) {
	for _, seed := range []string{
		"null", "[]", `{"name":"a","tags":["t"],"labels":{"a":1e400}}`, `{"name":null,"empirical_policy":{"retry_delay_seconds":1.5},"job_variables":[]}`,
		`{"run_input":{"a":NaN}}`, `{"key":"a/b","value":"x","sender":null}`, `{"prefix":"%","limit":-1e30,"exclude_keys":["a"]}`, `{"a":null,"b":{}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		flow, err := DecodeFlowCreate(body)
		checkDecoded(t, err, AppendFlow(nil, &flowrun.Flow{Name: flow.Name, Tags: flow.Tags, Labels: flow.Labels}))
		_, _, err = DecodeFlowUpdate(body)
		checkDecoded(t, err)
		edit, err := DecodeRunUpdate(body)
		checkDecoded(t, err)
		for _, part := range []*json.RawMessage{edit.Parameters.Value, edit.JobVariables.Value} {
			if part != nil {
				checkDecoded(t, nil, *part)
			}
		}
		input, err := DecodeResume(body)
		checkDecoded(t, err, input)
		in, err := DecodeInput(body)
		checkDecoded(t, err, AppendInput(nil, &in))
		filter, err := DecodeInputFilter(body)
		checkDecoded(t, err)
		if filter.Limit < 0 {
			t.Fatalf("limit %d", filter.Limit)
		}
		labels, err := DecodeLabels(body)
		checkDecoded(t, err)
		for _, label := range labels {
			checkDecoded(t, nil, label)
		}
	})
}
