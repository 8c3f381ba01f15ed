package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Random requests: after each one, the server holds the same data as the model of the
// contract.
func checkAgainstModel(t *testing.T, base string) {
	t.Helper()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		s := &sequence{base: base, prefix: fmt.Sprintf("model-%d-%d", time.Now().UnixNano(), round)}
		t.Repeat(map[string]func(*rapid.T){
			"create":    s.create,
			"set state": s.setState,
			"rename":    s.rename,
			"delete":    s.remove,
			"filter":    s.filter,
			"":          s.compare,
		})
	})
}

// sequence is a series of requests about its own runs.
type sequence struct {
	base, prefix string
	world        world
	gone         []string // ids of deleted runs
	touched      *modelRun
}

var (
	stateTypes = []string{"SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"}
	yesNo      = rapid.Bool()
	number     = rapid.IntRange(0, 2)
)

func (s *sequence) create(t *rapid.T) {
	taskKey := s.prefix + strconv.Itoa(number.Draw(t, "task"))
	dynamicKey := strconv.Itoa(number.Draw(t, "dynamic key"))
	body := map[string]any{"task_key": taskKey, "dynamic_key": dynamicKey}
	r := &modelRun{taskKey: taskKey, dynamicKey: dynamicKey, tags: []any{}}
	if yesNo.Draw(t, "named") {
		r.name = rapid.SampledFrom([]string{"alpha", "Beta", "gamma_1"}).Draw(t, "name")
		body["name"] = r.name
	}
	if yesNo.Draw(t, "in a flow run") {
		r.flowRunID = "00000000-0000-4000-8000-00000000000" + strconv.Itoa(number.Draw(t, "flow run"))
		body["flow_run_id"] = r.flowRunID
	}
	if yesNo.Draw(t, "tagged") {
		r.tags = []any{"a", "b"}[:1+number.Draw(t, "tags")%2]
		body["tags"] = r.tags
	}
	if yesNo.Draw(t, "with retries") {
		r.retries = new(number.Draw(t, "retries"))
		body["empirical_policy"] = map[string]any{"retries": *r.retries}
	}
	first := proposal{kind: "PENDING"}
	if yesNo.Draw(t, "with a state") {
		first = s.drawProposal(t)
		first.data = nil // Prefect fails on it, see leftOut
		body["state"] = first.body()
	}
	status, answer := s.call(t, http.MethodPost, "/task_runs/", body)
	if known := s.world.byKey(r.flowRunID, taskKey, dynamicKey); known != nil {
		s.touched = known
		expect(t, "the run is there already", http.StatusOK, status, answer)
		expectEqual(t, "id", known.id, answer["id"])
		return
	}
	expect(t, "the run is new", http.StatusCreated, status, answer)
	r.id, _ = answer["id"].(string)
	if r.name == "" {
		r.name, _ = answer["name"].(string)
	}
	v := (&world{}).evaluate(&modelRun{states: []*modelState{{}}}, proposalOfCreate(first), time.Now())
	s.enter(t, r, v, answer["state"])
	s.world.runs = append(s.world.runs, r)
}

// proposalOfCreate returns a forced proposal, unless the state is deferred.
func proposalOfCreate(p proposal) proposal {
	p.force = true
	return p
}

func (s *sequence) setState(t *rapid.T) {
	r := s.pick(t)
	p := s.drawProposal(t)
	p.force = rapid.IntRange(0, 5).Draw(t, "force") == 0
	if r == nil {
		status, answer := s.call(t, http.MethodPost, "/task_runs/"+s.unknownID()+"/set_state", map[string]any{"state": p.body()})
		expect(t, "there is no such run", http.StatusNotFound, status, answer)
		return
	}
	v := s.world.evaluate(r, p, time.Now())
	status, answer := s.call(t, http.MethodPost, "/task_runs/"+r.id+"/set_state", map[string]any{"state": p.body(), "force": p.force})
	want := http.StatusOK
	if v.state != nil {
		want = http.StatusCreated
	}
	expect(t, fmt.Sprintf("%s %s -> %+v", r.state().kind, r.state().name, p), want, status, answer)
	expectEqual(t, "status", v.status, answer["status"])
	details, _ := answer["details"].(map[string]any)
	reason, _ := details["reason"].(string)
	expectEqual(t, "reason", v.reason, reason)
	if v.state != nil {
		s.enter(t, r, v, answer["state"])
	}
}

// enter copies the values that only the server knows into a state, and enters the state.
func (s *sequence) enter(t *rapid.T, r *modelRun, v verdict, answered any) {
	state, ok := answered.(map[string]any)
	if !ok {
		t.Fatalf("the answer has no state: %v", answered)
	}
	written := *v.state
	written.id, _ = state["id"].(string)
	written.timestamp, _ = state["timestamp"].(string)
	if written.scheduled == unknown {
		details, _ := state["state_details"].(map[string]any)
		written.scheduled = details["scheduled_time"]
	}
	r.enter(&written, v.runCount)
}

func (s *sequence) rename(t *rapid.T) {
	name := rapid.SampledFrom([]string{"alpha", "delta", "Epsilon"}).Draw(t, "new name")
	r := s.pick(t)
	if r == nil {
		status, answer := s.call(t, http.MethodPatch, "/task_runs/"+s.unknownID(), map[string]any{"name": name})
		expect(t, "there is no such run", http.StatusNotFound, status, answer)
		return
	}
	status, answer := s.call(t, http.MethodPatch, "/task_runs/"+r.id, map[string]any{"name": name})
	expect(t, "rename", http.StatusNoContent, status, answer)
	r.name = name
}

func (s *sequence) remove(t *rapid.T) {
	r := s.pick(t)
	if r == nil {
		status, answer := s.call(t, http.MethodDelete, "/task_runs/"+s.unknownID(), nil)
		expect(t, "there is no such run", http.StatusNotFound, status, answer)
		return
	}
	status, answer := s.call(t, http.MethodDelete, "/task_runs/"+r.id, nil)
	expect(t, "delete", http.StatusNoContent, status, answer)
	s.world.remove(r)
	s.gone = append(s.gone, r.id)
	s.touched = nil
}

// filter returns a filter for the sequence's runs in some states, sorted by name.
func (s *sequence) filter(t *rapid.T) {
	wanted := rapid.SliceOfDistinct(rapid.SampledFrom(stateTypes), rapid.ID[string]).Draw(t, "types")
	ids := append([]string{s.unknownID()}, s.gone...)
	var want []string
	for _, r := range s.world.runs {
		ids = append(ids, r.id)
		if slices.Contains(wanted, r.state().kind) {
			want = append(want, r.name+" "+r.id)
		}
	}
	slices.Sort(want)
	filter := map[string]any{"id": map[string]any{"any_": ids}, "state": map[string]any{"type": map[string]any{"any_": wanted}}}
	var runs []map[string]any
	s.ask(t, "/task_runs/filter", map[string]any{"task_runs": filter, "sort": "NAME_ASC"}, &runs)
	var got []string
	for _, r := range runs {
		got = append(got, fmt.Sprint(r["name"], " ", r["id"]))
	}
	expectEqual(t, "filtered runs", want, got)
	var count int
	s.ask(t, "/task_runs/count", map[string]any{"task_runs": filter}, &count)
	expectEqual(t, "count", len(want), count)
}

// compare reads the most recently changed run through every route.
func (s *sequence) compare(t *rapid.T) {
	for _, id := range s.gone {
		status, answer := s.call(t, http.MethodGet, "/task_runs/"+id, nil)
		if s.world.byID(id) == nil {
			expect(t, "the run was deleted", http.StatusNotFound, status, answer)
		}
	}
	r := s.touched
	if r == nil {
		return
	}
	status, answer := s.call(t, http.MethodGet, "/task_runs/"+r.id, nil)
	expect(t, "read", http.StatusOK, status, answer)
	compareRun(t, r, answer)
	var states []map[string]any
	s.get(t, "/task_run_states/?task_run_id="+r.id, &states)
	ids, want := []string{}, []string{}
	for _, state := range states {
		ids = append(ids, fmt.Sprint(state["id"], state["type"], state["name"]))
	}
	for _, state := range r.states {
		want = append(want, state.id+state.kind+state.name)
	}
	expectEqual(t, "states", want, ids)
}

func compareRun(t *rapid.T, r *modelRun, answer map[string]any) {
	now := r.state()
	state, _ := answer["state"].(map[string]any)
	details, _ := state["state_details"].(map[string]any)
	got := map[string]any{}
	for _, key := range []string{
		"id", "name", "flow_run_id", "task_key", "dynamic_key", "tags", "state_id", "state_type", "state_name", "run_count",
		"expected_start_time", "next_scheduled_start_time", "start_time", "end_time",
	} {
		got[key] = answer[key]
	}
	want := map[string]any{
		"id": r.id, "name": r.name, "flow_run_id": r.flowRunID, "task_key": r.taskKey, "dynamic_key": r.dynamicKey, "tags": r.tags,
		"state_id": now.id, "state_type": now.kind, "state_name": now.name, "run_count": float64(r.runCount),
		"expected_start_time": r.expected, "next_scheduled_start_time": r.next, "start_time": r.start, "end_time": r.end,
	}
	expectEqual(t, "run", want, got)
	seen := map[string]any{"scheduled_time": details["scheduled_time"], "data": state["data"], "timestamp": state["timestamp"]}
	expectEqual(t, "state", map[string]any{"scheduled_time": now.scheduled, "data": now.data, "timestamp": now.timestamp}, seen)
	for key, value := range now.details {
		expectEqual(t, key, value, details[key])
	}
	total, _ := answer["total_run_time"].(float64)
	if diff := total - r.total.Seconds(); diff > 1e-6 || diff < -1e-6 {
		t.Errorf("total_run_time is %v, want %v", total, r.total.Seconds())
	}
}

func (s *sequence) drawProposal(t *rapid.T) proposal {
	p := proposal{kind: rapid.SampledFrom(stateTypes).Draw(t, "type"), details: map[string]any{}}
	if rapid.IntRange(0, 3).Draw(t, "own name") == 0 {
		p.name = "Mine"
	}
	if rapid.IntRange(0, 3).Draw(t, "with data") == 0 {
		p.data = map[string]any{"v": "result"}
	}
	if yesNo.Draw(t, "scheduled") {
		p.scheduled = rapid.SampledFrom([]any{"2020-01-01T00:00:00Z", "2990-01-01T00:00:00Z"}).Draw(t, "time")
	}
	for _, key := range []string{"cache_key", "deferred", "refresh_cache", "retriable", "task_parameters_id"} {
		if rapid.IntRange(0, 2).Draw(t, key+" given") == 0 {
			p.details[key] = rapid.SampledFrom(s.detailValues(key)).Draw(t, key)
		}
	}
	return p
}

func (s *sequence) detailValues(key string) []any {
	switch key {
	case "cache_key":
		return []any{s.prefix + "x", s.prefix + "y"}
	case "task_parameters_id":
		return []any{"00000000-0000-4000-8000-0000000000ff"}
	default:
		return []any{true, false}
	}
}

func (p proposal) body() map[string]any {
	details := map[string]any{"scheduled_time": p.scheduled}
	maps.Copy(details, p.details)
	body := map[string]any{"type": p.kind, "data": p.data, "state_details": details}
	if p.name != "" {
		body["name"] = p.name
	}
	return body
}

// pick returns a run for the next request. It sometimes returns nil, and always if there is
// no run.
func (s *sequence) pick(t *rapid.T) *modelRun {
	s.touched = nil
	if len(s.world.runs) > 0 && rapid.IntRange(0, 9).Draw(t, "an unknown run") != 0 {
		s.touched = rapid.SampledFrom(s.world.runs).Draw(t, "run")
	}
	return s.touched
}

// unknownID returns an id without a run: an unused one, or one of a deleted run.
func (s *sequence) unknownID() string {
	for _, id := range s.gone {
		if s.world.byID(id) == nil {
			return id
		}
	}
	return "00000000-0000-4000-8000-00000000dead"
}

func (s *sequence) get(t *rapid.T, path string, into any) {
	s.read(t, http.MethodGet, path, nil, into)
}

func (s *sequence) ask(t *rapid.T, path string, body, into any) {
	s.read(t, http.MethodPost, path, body, into)
}

func (s *sequence) read(t *rapid.T, method, path string, body, into any) {
	status, raw := s.send(t, method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// call returns the response object, or nil if there is none.
func (s *sequence) call(t *rapid.T, method, path string, body any) (status int, answer map[string]any) {
	status, raw := s.send(t, method, path, body)
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, path, status, raw, err)
		}
	}
	return status, answer
}

func (s *sequence) send(t *rapid.T, method, path string, body any) (status int, answer []byte) {
	var text io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.base+path, text)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func expect(t *rapid.T, when string, want, got int, answer map[string]any) {
	if got != want {
		t.Fatalf("%s: answered %d %v, want %d", when, got, answer, want)
	}
}

func expectEqual(t *rapid.T, what string, want, got any) {
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
