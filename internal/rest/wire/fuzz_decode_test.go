package wire

import (
	"encoding/json"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// checkDecoded checks properties that every decoded body has.
func checkDecoded(t *testing.T, err error, data json.RawMessage) {
	t.Helper()
	for _, fault := range itemsOf(err) {
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
		in, err := DecodeCreate(body)
		checkDecoded(t, err, nil)
		for _, label := range in.Run.Labels {
			checkDecoded(t, nil, label)
		}
		if in.State != nil {
			checkDecoded(t, nil, in.State.Data)
		}
		items := itemsOf(err)
		if _, err := DecodeCreate(WithDeprecatedPolicy(body)); len(itemsOf(err)) != len(items) {
			t.Fatalf("%d faults, %d in the body that is shown", len(items), len(itemsOf(err)))
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
		proposal, err := DecodeSetState(body)
		checkDecoded(t, err, proposal.Data)
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
		q, _, err := DecodeFilter(body)
		checkDecoded(t, err, nil)
		if err == nil && (q.Limit < 0 || q.Limit > maxLimit || q.Offset < 0) {
			t.Fatalf("limit %d, offset %d", q.Limit, q.Offset)
		}
	})
}

// FuzzDecodeLimits runs all decoders of limits on each body. A body without
// errors must be within the limits that the use cases require.
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
	in, err := DecodeLimitCreate(body)
	checkDecoded(t, err, nil)
	if err == nil && (in.Name == "" || min(in.Limit, in.ActiveSlots, in.DeniedSlots) < 0 || !(in.SlotDecayPerSecond >= 0)) {
		t.Fatalf("a limit of %+v", in)
	}
	update, err := DecodeLimitUpdate(body)
	checkDecoded(t, err, nil)
	if err == nil && update.Limit != nil && *update.Limit < 0 {
		t.Fatalf("a limit of %d", *update.Limit)
	}
	_, _, err = DecodeTagLimitCreate(body)
	checkDecoded(t, err, nil)
	limit, offset, err := DecodeLimits(body)
	checkDecoded(t, err, nil)
	if err == nil && (limit < 0 || limit > maxLimit || offset < 0) {
		t.Fatalf("limit %d, offset %d", limit, offset)
	}
}

func checkDecodedSlots(t *testing.T, body pyjson.Value) {
	t.Helper()
	for _, decode := range []func(pyjson.Value) (concurrency.Acquisition, error){DecodeIncrement, DecodeIncrementWithLease} {
		in, err := decode(body)
		checkDecoded(t, err, nil)
		if err == nil && (in.Slots < 1 || in.Lease != 0 && (in.Lease < shortestLease || in.Lease > longestLease)) {
			t.Fatalf("an acquisition of %+v", in)
		}
	}
	back, err := DecodeDecrement(body)
	checkDecoded(t, err, nil)
	if err == nil && (back.Slots < 1 || back.Occupancy != nil && *back.Occupancy < 0) {
		t.Fatalf("slots are given back as %+v", back)
	}
	_, err = DecodeLease(body)
	checkDecoded(t, err, nil)
	_, life, err := DecodeRenewal(body.Text(), body)
	checkDecoded(t, err, nil)
	if err == nil && (life < shortestLease || life > longestLease) {
		t.Fatalf("a lease of %s", life)
	}
	_, err = DecodeTagSlots(body)
	checkDecoded(t, err, nil)
	_, err = DecodeReset(body)
	checkDecoded(t, err, nil)
}
