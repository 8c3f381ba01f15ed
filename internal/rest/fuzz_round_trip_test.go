package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// object parses a JSON object. The texts of its members are kept.
func object(t *testing.T, text string) map[string]json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return members
}

// only returns an object with only these members.
func only(t *testing.T, members map[string]json.RawMessage, keys ...string) string {
	t.Helper()
	kept := map[string]json.RawMessage{}
	for _, key := range keys {
		kept[key] = members[key]
	}
	text, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stateKeys are the keys that states in responses and proposals have in common.
var stateKeys = []string{"type", "name", "message", "data", "state_details"}

// sameAs compares two responses without the id of the state, which is always
// new.
func sameAs(t *testing.T, first, firstID, second, secondID string) {
	t.Helper()
	second = strings.ReplaceAll(second, secondID, firstID)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatalf("sent back, the answer gives another (-first +second):\n%s", diff)
	}
}

// FuzzCreateRoundTrip sends the response to a create as another create. Decoding
// the response must give the same run.
func FuzzCreateRoundTrip(f *testing.F) {
	for _, seed := range []string{
		`{"task_key":"k","dynamic_key":"d"}`,
		`{"task_key":"k","dynamic_key":"d","name":"ü<&>\u0000","flow_run_id":"{0198A1B2-0000-7000-8000-0000000000F1}","tags":["a","a",""],` +
			`"labels":{"i":1,"f":1.0,"e":1e16,"b":true,"t":"x","n":-12345678901234567890},"cache_key":"c","task_version":"v"}`,
		`{"task_key":"k","dynamic_key":"d","empirical_policy":{"max_retries":3,"retry_delay_seconds":2.5,"retry_delay":[1,2.0,1e-7],"retry_jitter_factor":1}}`,
		`{"task_key":"k","dynamic_key":"d","empirical_policy":{"retries":"5","retry_delay":["1",true]},"cache_expiration":"2031-02-03 04:05:06.7+02:00"}`,
		`{"task_key":"k","dynamic_key":"d","task_inputs":{"x":[{"id":"0198a1b2000070008000-00000000000a"},{"name":"p"},{"type":"t","z":1}],"y":[]}}`,
		`{"task_key":"k","dynamic_key":"d","state":{"type":"SCHEDULED","message":"m","data":{"b":[1,1.0,1E400,null],"a":"x"},` +
			`"state_details":{"deferred":null,"pause_timeout":-1.5,"run_input_keyset":{"a":"b"},"retriable":"no"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := newFixture(t).ask(t, http.MethodPost, "/task_runs/", body)
		if w.Code != http.StatusCreated {
			if w.Code != http.StatusUnprocessableEntity || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("answer = %d %s, want 201 or 422", w.Code, w.Body)
			}
			return
		}
		first := w.Body.String()
		run := object(t, first)
		for _, label := range object(t, string(run["labels"])) {
			if string(label) == "null" {
				return // stands for a number that JSON does not support, and cannot be sent
			}
		}
		state := object(t, string(run["state"]))
		run["state"] = json.RawMessage(only(t, state, stateKeys...))
		again := newFixture(t).must(t, http.StatusCreated, http.MethodPost, "/task_runs/", only(t, run,
			"id", "state", "name", "flow_run_id", "task_key", "dynamic_key", "cache_key", "cache_expiration", "task_version",
			"empirical_policy", "tags", "labels", "task_inputs"))
		sameAs(t, first, string(run["state_id"]), again, string(object(t, again)["state_id"]))
	})
}

// FuzzSetStateRoundTrip proposes the state of a response to an equal run.
func FuzzSetStateRoundTrip(f *testing.F) {
	for _, seed := range []string{
		`{"state":{"type":"RUNNING"}}`,
		`{"state":{"type":"COMPLETED","name":"","data":{"type":"unpersisted"}},"force":"yes"}`,
		`{"state":{"type":"COMPLETED","data":{"artifact_key":"k","artifact_type":"t","v":[1.50,{"b":1,"a":2}]}}}`,
		`{"state":{"type":"SCHEDULED","state_details":{"scheduled_time":"2031-W05-1","transition_id":"{0198a1b2-0000-7000-8000-00000000000a}"}}}`,
		`{"state":{"type":"PAUSED","message":"` + strings.Repeat("é", 5000) + `","state_details":{"pause_timeout":1928113506.25,"pause_key":""}}}`,
		`{"state":{"type":"PENDING","name":"Submitting","state_details":{"deferred":1,"traceparent":"00-x"}}}`,
	} {
		f.Add(seed)
	}
	const path = "/task_runs/" + idKnown + "/set_state"
	f.Fuzz(func(t *testing.T, body string) {
		one, other := newFixture(t), newFixture(t)
		one.create(t)
		other.create(t)
		w := one.ask(t, http.MethodPost, path, body)
		switch {
		case w.Code == http.StatusUnprocessableEntity || w.Code == http.StatusOK:
			object(t, w.Body.String())
			return
		case w.Code != http.StatusCreated:
			t.Fatalf("answer = %d %s, want 200, 201 or 422", w.Code, w.Body)
		}
		first := sample.Member(t, w.Body.String(), "state")
		proposal := `{"state":` + only(t, object(t, first), stateKeys...) + `}`
		second := sample.Member(t, other.must(t, http.StatusCreated, http.MethodPost, path, proposal), "state")
		sameAs(t, first, sample.Member(t, first, "id"), second, sample.Member(t, second, "id"))
	})
}
