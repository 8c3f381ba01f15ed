package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// Invalid bodies and the responses to them (contract §1.2).
func TestLimits_invalidBodies(t *testing.T) {
	t.Parallel()
	const (
		missing     = `{"type":"missing","loc":["body"],"msg":"Field required","input":null}`
		negative    = `"msg":"Input should be greater than or equal to 0"`
		notPositive = `"msg":"Input should be greater than 0"`
	)
	cases := map[string]struct{ method, path, body, want string }{
		"no body for a limit": {"POST", newBase + "/", "", missing},
		"a limit that is not an object": {
			"POST", newBase + "/", "[]",
			`{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[]}`,
		},
		"an empty limit": {
			"POST", newBase + "/", "{}", `{"type":"missing","loc":["body","name"],"msg":"Field required","input":{}},` +
				`{"type":"missing","loc":["body","limit"],"msg":"Field required","input":{}}`,
		},
		"a name with a banned character": {
			"POST", newBase + "/", `{"name":"a/b","limit":1}`,
			`{"type":"string_pattern_mismatch","loc":["body","name"],"msg":"String should match pattern '^[^/%&><]+$'","input":"a/b","ctx":{"pattern":"^[^/%&><]+$"}}`,
		},
		"an empty name": {
			"POST", newBase + "/", `{"name":"","limit":1}`,
			`{"type":"string_pattern_mismatch","loc":["body","name"],"msg":"String should match pattern '^[^/%&><]+$'","input":"","ctx":{"pattern":"^[^/%&><]+$"}}`,
		},
		"a name that is not a text": {
			"POST", newBase + "/", `{"name":1,"limit":1}`, `{"type":"string_type","loc":["body","name"],"msg":"Input should be a valid string","input":1}`,
		},
		"negative numbers": {
			"POST", newBase + "/", `{"name":"a","limit":-1,"active_slots":-2,"denied_slots":-3,"slot_decay_per_second":-0.5}`,
			`{"type":"greater_than_equal","loc":["body","limit"],` + negative + `,"input":-1,"ctx":{"ge":0}},` +
				`{"type":"greater_than_equal","loc":["body","active_slots"],` + negative + `,"input":-2,"ctx":{"ge":0}},` +
				`{"type":"greater_than_equal","loc":["body","denied_slots"],` + negative + `,"input":-3,"ctx":{"ge":0}},` +
				`{"type":"greater_than_equal","loc":["body","slot_decay_per_second"],` + negative + `,"input":-0.5,"ctx":{"ge":0.0}}`,
		},
		"null for required fields of a new limit": {
			"POST", newBase + "/", `{"name":"a","limit":1,"active":null,"slot_decay_per_second":null}`,
			`{"type":"bool_type","loc":["body","active"],"msg":"Input should be a valid boolean","input":null},` +
				`{"type":"float_type","loc":["body","slot_decay_per_second"],"msg":"Input should be a valid number","input":null}`,
		},
		"an unknown key": {
			"POST", newBase + "/", `{"name":"a","limit":1,"x":2}`, `{"type":"extra_forbidden","loc":["body","x"],"msg":"Extra inputs are not permitted","input":2}`,
		},
		"an infinite decay": {
			"PATCH", newBase + "/a", `{"slot_decay_per_second":Infinity}`,
			`{"type":"finite_number","loc":["body","slot_decay_per_second"],"msg":"Input should be a finite number","input":null}`,
		},
		"no body for a change":      {"PATCH", newBase + "/a", "", missing},
		"a change with wrong types": {"PATCH", newBase + "/a", `{"limit":"x"}`, `{"type":"int_parsing","loc":["body","limit"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"}`},
		"an empty acquisition": {
			"POST", newBase + "/increment", "{}", `{"type":"missing","loc":["body","slots"],"msg":"Field required","input":null},` +
				`{"type":"missing","loc":["body","names"],"msg":"Field required","input":null}`,
		},
		"an acquisition of 0 slots in an unknown mode": {
			"POST", newBase + "/increment", `{"slots":0,"names":"a","mode":"x","create_if_missing":"x"}`,
			`{"type":"greater_than","loc":["body","slots"],` + notPositive + `,"input":0,"ctx":{"gt":0}},` +
				`{"type":"list_type","loc":["body","names"],"msg":"Input should be a valid list","input":"a"},` +
				`{"type":"literal_error","loc":["body","mode"],"msg":"Input should be 'concurrency' or 'rate_limit'","input":"x","ctx":{"expected":"'concurrency' or 'rate_limit'"}},` +
				`{"type":"bool_parsing","loc":["body","create_if_missing"],"msg":"Input should be a valid boolean, unable to interpret input","input":"x"}`,
		},
		"slots that are not a number": {
			"POST", newBase + "/increment", `{"slots":"x","names":[1]}`,
			`{"type":"int_parsing","loc":["body","slots"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"},` +
				`{"type":"string_type","loc":["body","names",0],"msg":"Input should be a valid string","input":1}`,
		},
		"a lease that is too short": {
			"POST", newBase + "/increment-with-lease", `{"slots":1,"names":[],"lease_duration":59.9}`,
			`{"type":"greater_than_equal","loc":["body","lease_duration"],"msg":"Input should be greater than or equal to 60","input":59.9,"ctx":{"ge":60.0}}`,
		},
		"a lease that is too long": {
			"POST", newBase + "/increment-with-lease", `{"slots":1,"names":[],"lease_duration":86401}`,
			`{"type":"less_than_equal","loc":["body","lease_duration"],"msg":"Input should be less than or equal to 86400","input":86401,"ctx":{"le":86400.0}}`,
		},
		"a holder of an unknown type": {
			"POST", newBase + "/increment-with-lease", `{"slots":1,"names":[],"holder":{"type":"x","x":1}}`,
			`{"type":"literal_error","loc":["body","holder","type"],"msg":"Input should be 'flow_run', 'task_run' or 'deployment'","input":"x","ctx":{"expected":"'flow_run', 'task_run' or 'deployment'"}},` +
				`{"type":"missing","loc":["body","holder","id"],"msg":"Field required","input":{"type":"x","x":1}},` +
				`{"type":"extra_forbidden","loc":["body","holder","x"],"msg":"Extra inputs are not permitted","input":1}`,
		},
		"a holder that is not an object": {
			"POST", newBase + "/increment-with-lease", `{"slots":1,"names":[],"holder":1}`,
			`{"type":"model_attributes_type","loc":["body","holder"],"msg":"Input should be a valid dictionary or object to extract fields from","input":1}`,
		},
		"no parameters": {
			"POST", newBase + "/increment-with-lease", "[]", missingOf("slots", "names", "mode", "lease_duration", "holder"),
		},
		"a release without parameters": {"POST", newBase + "/decrement", "7", missingOf("slots", "names", "occupancy_seconds", "create_if_missing")},
		"an occupancy of 0": {
			"POST", newBase + "/decrement", `{"slots":1,"names":[],"occupancy_seconds":0}`,
			`{"type":"greater_than","loc":["body","occupancy_seconds"],` + notPositive + `,"input":0,"ctx":{"gt":0.0}}`,
		},
		"no lease":                        {"POST", newBase + "/decrement-with-lease", "{}", missingOf("lease_id")},
		"a lease that is not an object":   {"POST", newBase + "/decrement-with-lease", `""`, missingOf("lease_id")},
		"a renewal that is not an object": {"POST", newBase + "/leases/" + idOther + "/renew", "[]", missingOf("lease_duration")},
		"a lease that is not an id": {
			"POST", newBase + "/leases/x/renew", `{"lease_duration":"x"}`,
			`{"type":"uuid_parsing","loc":["path","lease_id"],"msg":"Input should be a valid UUID, invalid character: found ` + "`x`" + ` at 1","input":"x","ctx":{"error":"invalid character: found ` + "`x`" + ` at 1"}},` +
				`{"type":"float_parsing","loc":["body","lease_duration"],"msg":"Input should be a valid number, unable to parse string as a number","input":"x"}`,
		},
		"an empty limit of a tag": {
			"POST", oldBase + "/", "{}", `{"type":"missing","loc":["body","tag"],"msg":"Field required","input":{}},` +
				`{"type":"missing","loc":["body","concurrency_limit"],"msg":"Field required","input":{}}`,
		},
		"slots without a run":            {"POST", oldBase + "/increment", "{}", missingOf("names", "task_run_id")},
		"slots for an invalid run":       {"POST", oldBase + "/decrement", "[]", missingOf("names", "task_run_id")},
		"a reset that is not an object":  {"POST", oldBase + "/tag/a/reset", "[]", missingOf("slot_override")},
		"a filter that is not an object": {"POST", oldBase + "/filter", "[]", missingOf("limit", "offset")},
		"a negative offset": {
			"POST", newBase + "/filter", `{"offset":-1}`, `{"type":"greater_than_equal","loc":["body","offset"],` + negative + `,"input":-1,"ctx":{"ge":0}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := &askedLimits{}
			got := newFixture(t, withLimits(limits)).must(t, http.StatusUnprocessableEntity, tc.method, tc.path, tc.body)
			if items := sample.Member(t, got, "exception_detail"); items != "["+tc.want+"]" {
				t.Errorf("faults = %s\nwant [%s]", items, tc.want)
			}
			if len(limits.calls) > 0 {
				t.Errorf("asked for %v", limits.calls)
			}
		})
	}
}

func TestPages_limitOutOfRange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withLimits(&askedLimits{}))
	for body, want := range map[string]string{`{"limit":-1}`: "Invalid limit: must be greater than or equal to 0.", `{"limit":201}`: "Invalid limit: must be less than or equal to 200."} {
		if got := f.must(t, http.StatusUnprocessableEntity, "POST", newBase+"/filter", body); got != `{"detail":"`+want+`"}` {
			t.Errorf("body = %s, want %s", got, want)
		}
	}
}

// missingOf returns the errors for missing parameters.
func missingOf(names ...string) string {
	faults := make([]string, 0, len(names))
	for _, name := range names {
		faults = append(faults, `{"type":"missing","loc":["body","`+name+`"],"msg":"Field required","input":null}`)
	}
	return strings.Join(faults, ",")
}
