package rest

import (
	"encoding/json"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// checkDecoded checks what must hold of whatever came of a body.
func checkDecoded(t *testing.T, faults []validate.Error, data json.RawMessage) {
	t.Helper()
	for _, fault := range faults {
		if item := fault.AppendTo(nil); !json.Valid(item) {
			t.Fatalf("the fault is no JSON: %s", item)
		}
	}
	if data != nil && !json.Valid(data) {
		t.Fatalf("the data is no JSON: %s", data)
	}
}

func FuzzDecodeCreate(f *testing.F) {
	for _, seed := range []string{
		"null", "{}", `{"task_key":"k","dynamic_key":"d","labels":{"a":NaN},"tags":["t"],"name":0,"cache_expiration":"2031-W05-1"}`,
		`{"empirical_policy":{"max_retries":"x","retry_delay":[1,2.0,"3"],"retry_jitter_factor":-1}}`,
		`{"task_inputs":{"x":[{"id":"x"},{"name":"p"},1]},"state":{"type":"PENDING","data":{"a":[1e400]},"state_details":{"deferred":"on"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		in, faults := decodeCreate(body)
		checkDecoded(t, faults, nil)
		for _, label := range in.Run.Labels {
			checkDecoded(t, nil, label)
		}
		if in.State != nil {
			checkDecoded(t, nil, in.State.Data)
		}
		if _, again := decodeCreate(withDeprecatedPolicy(body)); len(again) != len(faults) {
			t.Fatalf("%d faults, %d in the body that is shown", len(faults), len(again))
		}
	})
}

func FuzzDecodeSetState(f *testing.F) {
	for _, seed := range []string{
		"null", "[]", `{"state":{"type":"RUNNING"},"force":"yes"}`, `{"state":{"type":"X","data":{"a":NaN},"state_details":{"scheduled_time":-1.5}}}`,
		`{"state":{"type":"SCHEDULED","state_details":{"scheduled_time":"20310203T040506Z","transition_id":"{x}","run_input_keyset":{"a":1}}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		proposal, faults := decodeSetState(body)
		checkDecoded(t, faults, proposal.Data)
	})
}

func FuzzDecodeFilter(f *testing.F) {
	for _, seed := range []string{
		"null", "[]", `{"limit":-1}`, `{"sort":"NAME_ASC","offset":1e3,"task_runs":{"operator":"or_","state":{"type":{"any_":["RUNNING"]}}}}`,
		`{"flow_runs":{"start_time":{"before_":"2031-02-03"}},"deployments":{"concurrency_limit":{"ge_":1}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		a := decodeFilter(body)
		checkDecoded(t, a.faults, nil)
		if a.fault(&request{}) == nil && (a.query.Limit < 0 || a.query.Limit > maxLimit || a.query.Offset < 0) {
			t.Fatalf("limit %d, offset %d", a.query.Limit, a.query.Offset)
		}
	})
}
