package wire

import (
	"encoding/json"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
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
		in, faults := DecodeCreate(body)
		checkDecoded(t, faults, nil)
		for _, label := range in.Run.Labels {
			checkDecoded(t, nil, label)
		}
		if in.State != nil {
			checkDecoded(t, nil, in.State.Data)
		}
		if _, again := DecodeCreate(WithDeprecatedPolicy(body)); len(again) != len(faults) {
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
		proposal, faults := DecodeSetState(body)
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
		a := DecodeFilter(body)
		checkDecoded(t, a.faults, nil)
		if a.Err(nullValue) == nil && (a.Query.Limit < 0 || a.Query.Limit > maxLimit || a.Query.Offset < 0) {
			t.Fatalf("limit %d, offset %d", a.Query.Limit, a.Query.Offset)
		}
	})
}

// FuzzDecodeLimits tries all decoders about limits on each body: what has no
// fault has to be within the bounds that the use cases rely on.
func FuzzDecodeLimits(f *testing.F) {
	for _, seed := range []string{
		"null", "[]", `{"name":"tag:a","limit":1,"active":"no","slot_decay_per_second":1e400}`, `{"limit":null,"name":"a/b","denied_slots":-1}`,
		`{"slots":1,"names":["a"],"mode":"rate_limit","lease_duration":"60","holder":{"type":"task_run","id":"x"},"occupancy_seconds":1e-9}`,
		`{"slots":1e30,"names":[],"holder":{},"lease_duration":NaN}`, `{"lease_id":"{x}"}`, `{"tag":"","concurrency_limit":-1e18}`,
		`{"names":["a"],"task_run_id":"0198a1b2-0000-7000-8000-00000000000a","slot_override":[1]}`, `{"limit":200,"offset":"3"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		checkDecodedLimits(t, body)
		checkDecodedSlots(t, body)
	})
}

func checkDecodedLimits(t *testing.T, body pyjson.Value) {
	t.Helper()
	in, faults := DecodeLimitCreate(body)
	checkDecoded(t, faults, nil)
	if faults == nil && (in.Name == "" || min(in.Limit, in.ActiveSlots, in.DeniedSlots) < 0 || !(in.SlotDecayPerSecond >= 0)) {
		t.Fatalf("a limit of %+v", in)
	}
	update, faults := DecodeLimitUpdate(body)
	checkDecoded(t, faults, nil)
	if faults == nil && update.Limit != nil && *update.Limit < 0 {
		t.Fatalf("a limit of %d", *update.Limit)
	}
	_, _, faults = DecodeTagLimitCreate(body)
	checkDecoded(t, faults, nil)
	page := DecodeLimits(body)
	checkDecoded(t, page.faults, nil)
	if page.Err(nullValue) == nil && (page.Query.Limit < 0 || page.Query.Limit > maxLimit || page.Query.Offset < 0) {
		t.Fatalf("limit %d, offset %d", page.Query.Limit, page.Query.Offset)
	}
}

func checkDecodedSlots(t *testing.T, body pyjson.Value) {
	t.Helper()
	for _, decode := range []func(pyjson.Value) (concurrency.Acquisition, []validate.Error){DecodeIncrement, DecodeIncrementWithLease} {
		in, faults := decode(body)
		checkDecoded(t, faults, nil)
		if faults == nil && (in.Slots < 1 || in.Lease != 0 && (in.Lease < shortestLease || in.Lease > longestLease)) {
			t.Fatalf("an acquisition of %+v", in)
		}
	}
	back, faults := DecodeDecrement(body)
	checkDecoded(t, faults, nil)
	if faults == nil && (back.Slots < 1 || back.Occupancy != nil && *back.Occupancy < 0) {
		t.Fatalf("slots are given back as %+v", back)
	}
	_, faults = DecodeLease(body)
	checkDecoded(t, faults, nil)
	_, life, faults := DecodeRenewal(body.Text(), body)
	checkDecoded(t, faults, nil)
	if faults == nil && (life < shortestLease || life > longestLease) {
		t.Fatalf("a lease of %s", life)
	}
	_, faults = DecodeTagSlots(body)
	checkDecoded(t, faults, nil)
	_, faults = DecodeReset(body)
	checkDecoded(t, faults, nil)
}
