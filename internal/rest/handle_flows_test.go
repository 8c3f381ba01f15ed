package rest

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

const flowRunOfTests = "/flow_runs/" + idKnown

func TestAFlowIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.must(t, http.StatusCreated, http.MethodPost, "/flows/", `{"name":"a b","tags":["x"],"labels":{"l":1.0}}`)
	if again := f.must(t, http.StatusOK, http.MethodPost, "/flows/", `{"name":"a b","tags":["y"]}`); again != first {
		t.Errorf("the second time: %s, want %s", again, first)
	}
	id := strings.Trim(sample.Member(t, first, "id"), `"`)
	for _, path := range []string{"/flows/" + id, "/flows/name/a%20b"} {
		if got := f.must(t, http.StatusOK, http.MethodGet, path, ""); got != first {
			t.Errorf("%s: %s, want %s", path, got, first)
		}
	}
	f.must(t, http.StatusNoContent, http.MethodPatch, "/flows/"+id, `{"tags":["z"]}`)
	f.must(t, http.StatusNoContent, http.MethodPatch, "/flows/"+id, `{}`)
	if got := sample.Member(t, f.must(t, http.StatusOK, http.MethodGet, "/flows/"+id, ""), "tags"); got != `["z"]` {
		t.Errorf("tags %s after the updates", got)
	}
	f.must(t, http.StatusNoContent, http.MethodDelete, "/flows/"+id, "")
	f.must(t, http.StatusNotFound, http.MethodGet, "/flows/"+id, "")
}

func TestWhatThereIsNotHasTheTextOfItsRoute(t *testing.T) {
	t.Parallel()
	const (
		flow    = `{"detail":"Flow not found"}`
		run     = `{"detail":"Flow run not found"}`
		message = `{"exception_message":"Flow run with id ` + idUnknown + ` not found"}`
		input   = `{"detail":"Flow run input not found"}`
		path    = "/flow_runs/" + idUnknown
	)
	f := newFixture(t)
	for _, tc := range []struct{ method, path, body, want string }{
		{http.MethodGet, "/flows/" + idUnknown, "", flow},
		{http.MethodGet, "/flows/name/nope", "", flow},
		{http.MethodPatch, "/flows/" + idUnknown, `{"tags":[]}`, flow},
		{http.MethodPatch, "/flows/" + idUnknown, `{}`, flow},
		{http.MethodDelete, "/flows/" + idUnknown, "", flow},
		{http.MethodGet, path, "", run},
		{http.MethodPatch, path, `{"job_variables":{}}`, run},
		{http.MethodDelete, path, "", run},
		{http.MethodGet, path + "/logs/download", "", run},
		{http.MethodPost, path + "/input", `{"key":"k","value":""}`, run},
		{http.MethodPost, path + "/set_state", `{"state":{"type":"RUNNING"}}`, message},
		{http.MethodPost, path + "/resume", "", message},
		{http.MethodPatch, path + "/labels", `{}`, message},
		{http.MethodGet, path + "/graph", "", message},
		{http.MethodGet, path + "/graph-v2", "", `{"exception_message":"Flow run ` + idUnknown + ` not found"}`},
		{http.MethodGet, path + "/input/k", "", input},
		{http.MethodDelete, path + "/input/k", "", input},
		{http.MethodGet, "/flow_run_states/" + idUnknown, "", `{"detail":"Flow run state not found"}`},
		{http.MethodGet, "/flow_runs/nope", "", `{"detail":"Not Found"}`},
		{http.MethodGet, path + "/nope", "", `{"detail":"Not Found"}`},
	} {
		if w := f.ask(t, tc.method, tc.path, tc.body); w.Code != http.StatusNotFound || w.Body.String() != tc.want {
			t.Errorf("%s %s: %d %s, want 404 %s", tc.method, tc.path, w.Code, w.Body, tc.want)
		}
	}
	for method, path := range map[string]string{
		http.MethodGet: "/flow_run_states/?flow_run_id=" + idUnknown, http.MethodPost: path + "/input/filter",
	} {
		if got := f.must(t, http.StatusOK, method, path, `{"prefix":""}`); got != "[]" {
			t.Errorf("%s %s: %s, want an empty list", method, path, got)
		}
	}
}

func TestARunNamesWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`{"flow_id":"` + idUnknown + `"}`:                                               {http.StatusConflict, textTaken},
		`{"flow_id":"` + idFlow + `","parent_task_run_id":"` + idUnknown + `"}`:         {http.StatusConflict, textTaken},
		`{"flow_id":"` + idFlow + `","infrastructure_document_id":"` + idUnknown + `"}`: {http.StatusConflict, textTaken},
		`{"flow_id":"` + idFlow + `","work_pool_name":"my \"pool\""}`:                   {http.StatusNotFound, `Work pool \"my \"pool\"\" not found.`},
	} {
		w := f.ask(t, http.MethodPost, "/flow_runs/", body)
		if got := sample.Member(t, w.Body.String(), "detail"); w.Code != want.status || strings.ReplaceAll(got, `\"`, `"`) != `"`+strings.ReplaceAll(want.text, `\"`, `"`)+`"` {
			t.Errorf("%s: %d %s, want %d %s", body, w.Code, got, want.status, want.text)
		}
	}
	f.must(t, http.StatusCreated, http.MethodPost, "/flow_runs/", `{"flow_id":"`+idFlow+`","work_pool_name":""}`)
}

func TestAFlowRunThroughItsLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	f.must(t, http.StatusNoContent, http.MethodPatch, flowRunOfTests, `{"name":"other","parameters":{"x":1}}`)
	f.must(t, http.StatusNoContent, http.MethodPatch, flowRunOfTests+"/labels", `{"a":1}`)
	result := f.must(t, http.StatusCreated, http.MethodPost, flowRunOfTests+"/set_state", `{"state":{"type":"RUNNING"}}`)
	if got := sample.Member(t, result, "details"); got != `{"type":"accept_details"}` {
		t.Errorf("details %s", got)
	}
	w := f.ask(t, http.MethodPost, flowRunOfTests+"/resume", "")
	if want := `{"state":null,"status":"ABORT","details":{"type":"abort_details","reason":"Cannot resume a flow run that is not paused."}}`; w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("resume of a run that is not paused: %d %s, want 200 %s", w.Code, w.Body, want)
	}
	f.must(t, http.StatusCreated, http.MethodPost, flowRunOfTests+"/set_state", `{"state":{"type":"PAUSED"}}`)
	f.must(t, http.StatusCreated, http.MethodPost, flowRunOfTests+"/resume", `{"run_input":{}}`)
	run := f.must(t, http.StatusOK, http.MethodGet, flowRunOfTests, "")
	for member, want := range map[string]string{
		"name": `"other"`, "parameters": `{"x":1}`, "labels": `{"a":1}`, "state_type": `"RUNNING"`, "flow_id": `"` + idFlow + `"`,
	} {
		if got := sample.Member(t, run, member); got != want {
			t.Errorf("%s = %s, want %s", member, got, want)
		}
	}
	state := sample.Member(t, run, "state")
	if got := f.must(t, http.StatusOK, http.MethodGet, "/flow_run_states/"+strings.Trim(sample.Member(t, state, "id"), `"`), ""); got != state {
		t.Errorf("state %s, want %s", got, state)
	}
	states := f.must(t, http.StatusOK, http.MethodGet, "/flow_run_states/?flow_run_id="+idKnown, "")
	if !strings.HasSuffix(states, ","+state+"]") || strings.Count(states, `"state_details"`) != 4 {
		t.Errorf("states %s, want 4 and the last one %s", states, state)
	}
	f.must(t, http.StatusNoContent, http.MethodDelete, flowRunOfTests, "")
	f.must(t, http.StatusNotFound, http.MethodGet, flowRunOfTests, "")
}

func TestJobVariablesThatCannotBeChangedAre400(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	w := f.ask(t, http.MethodPatch, flowRunOfTests, `{"job_variables":{"a":1}}`)
	if want := `{"detail":"Job variables for a flow run in state PENDING cannot be updated"}`; w.Code != http.StatusBadRequest || w.Body.String() != want {
		t.Errorf("%d %s, want 400 %s", w.Code, w.Body, want)
	}
}

func TestInputsOfAFlowRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	const path = flowRunOfTests + "/input"
	if got := f.must(t, http.StatusCreated, http.MethodPost, path, `{"key":"k-1","value":"{\"ü\": 1}","sender":"me"}`); got != "null" {
		t.Errorf("response %s, want null", got)
	}
	f.must(t, http.StatusCreated, http.MethodPost, path, `{"key":"k-2","value":""}`)
	if got, want := f.must(t, http.StatusConflict, http.MethodPost, path, `{"key":"k-1","value":"x"}`), `{"detail":"`+textInputTaken+`"}`; got != want {
		t.Errorf("the same key again: %s, want %s", got, want)
	}
	f.must(t, http.StatusUnprocessableEntity, http.MethodPost, path, `{"key":"a/b","value":"x"}`)
	w := f.ask(t, http.MethodGet, path+"/k-1", "")
	if got := w.Header().Get("Content-Type"); w.Body.String() != `{"ü": 1}` || got != typeText {
		t.Errorf("value %s of type %s", w.Body, got)
	}
	if got := f.must(t, http.StatusOK, http.MethodGet, path+"/k-2", ""); got != "" {
		t.Errorf("value %q, want an empty one", got)
	}
	listed := f.must(t, http.StatusOK, http.MethodPost, path+"/filter", `{"prefix":"k","limit":-1,"exclude_keys":["k-2"]}`)
	if strings.Count(listed, `"key"`) != 1 || !strings.Contains(listed, `"value":"{\"ü\": 1}","sender":"me"`) {
		t.Errorf("inputs %s", listed)
	}
	f.must(t, http.StatusNoContent, http.MethodDelete, path+"/k-1", "")
	f.must(t, http.StatusNotFound, http.MethodGet, path+"/k-1", "")
}

func TestTheLogOfAFlowRunIsDownloaded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	f.must(t, http.StatusNoContent, http.MethodPatch, flowRunOfTests, `{"name":"a ü/b+c"}`)
	const line = `{"name":"n","level":20,"message":"%","timestamp":"2031-06-01T00:00:0%Z","flow_run_id":"` + idKnown + `"}`
	at := func(second string) string { return strings.ReplaceAll(line, "%", second) }
	f.must(t, http.StatusCreated, http.MethodPost, "/logs/", "["+at("2")+","+at("1")+","+strings.ReplaceAll(at("3"), idKnown, idOther)+"]")
	w := f.ask(t, http.MethodGet, flowRunOfTests+"/logs/download", "")
	want := "timestamp,level,flow_run_id,task_run_id,message\r\n" +
		"2031-06-01 00:00:01+00:00,20," + idKnown + ",,1\r\n2031-06-01 00:00:02+00:00,20," + idKnown + ",,2\r\n"
	if w.Body.String() != want || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%s: %q, want %q", w.Header().Get("Content-Type"), w.Body, want)
	}
	if got, want := w.Header().Get("Content-Disposition"), `attachment; filename="flow-run-logs.csv"; filename*=UTF-8''a%20%C3%BC%2Fb%2Bc-logs.csv`; got != want {
		t.Errorf("Content-Disposition %s, want %s", got, want)
	}
}

// A client takes a 409 or 500 for a failure of its flow, and repeats after 503 (flows contract §0.3).
func TestALostRaceOfAFlowRunIs503(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	for _, broken := range []error{taskrun.ErrConflict, taskrun.ErrUnavailable, errors.Join(taskrun.ErrConflict, errors.New("again"))} {
		f.flows.Break(broken)
		w := f.ask(t, http.MethodPost, flowRunOfTests+"/set_state", `{"state":{"type":"COMPLETED"}}`)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %d %s, want 503 with Retry-After", broken, w.Code, w.Body)
		}
	}
}

func TestATaskRunShowsTheNameOfItsFlowRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	runs := usecase.New(usecase.Options{Namespace: "default", Store: f.store, Clock: f.clock, FlowRuns: flows.FlowRuns{Store: f.flows}})
	f.server.home.Runs = runs
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/", `{"id":"`+idOther+`","task_key":"k","dynamic_key":"d","flow_run_id":"`+idKnown+`"}`)
	if got := sample.Member(t, f.must(t, http.StatusOK, http.MethodGet, "/ui/task_runs/"+idOther, ""), "flow_run_name"); got != `"calm-otter"` {
		t.Errorf("flow_run_name = %s", got)
	}
	if got := f.must(t, http.StatusConflict, http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"e","flow_run_id":"`+idUnknown+`"}`); !strings.Contains(got, textTaken) {
		t.Errorf("a run of an unknown flow run: %s", got)
	}
}

func TestListsOfFlowsAndFlowRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	run := f.must(t, http.StatusOK, http.MethodGet, flowRunOfTests, "")
	flow := f.must(t, http.StatusOK, http.MethodGet, "/flows/"+idFlow, "")
	const byName, none = `{"flows":{"name":{"any_":["etl"]}}}`, `{"flow_runs":{"name":{"any_":["nope"]}}}`
	point := `{"id":"` + idKnown + `","state_type":"PENDING","timestamp":"2026-08-21T12:00:00Z","duration":0.0,"lateness":0.0}`
	for _, tc := range []struct{ path, body, want string }{
		{"/flows/filter", byName, "[" + flow + "]"},
		{"/flows/filter", none, "[]"},
		{"/flows/count", "", "2"},
		{"/flows/paginate", byName, `{"results":[` + flow + `],"count":1,"limit":200,"pages":1,"page":1}`},
		{"/flow_runs/filter", byName, "[" + run + "]"},
		{"/flow_runs/filter", none, "[]"},
		{"/flow_runs/count", byName, "1"},
		{"/flow_runs/lateness", none, "null"},
		{"/flow_runs/lateness", byName, "0.0"},
		{"/flow_runs/paginate", `{"limit":1}`, `{"results":[` + run + `],"count":1,"limit":1,"pages":1,"page":1}`},
		{"/ui/flow_runs/history", byName, "[" + point + "]"},
		{"/flow_runs/bulk_set_state", `{"flow_runs":{"name":{"any_":["nope"]}},"state":{"type":"RUNNING"}}`, `{"results":[]}`},
		{"/flow_runs/bulk_delete", none, `{"deleted":[]}`},
		{"/flow_runs/bulk_delete", "", `{"deleted":["` + idKnown + `"]}`},
		{"/flows/bulk_delete", byName, `{"deleted":["` + idFlow + `"]}`},
		{"/flows/count", "null", "1"},
	} {
		if got := f.must(t, http.StatusOK, http.MethodPost, tc.path, tc.body); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.path, tc.body, got, tc.want)
		}
	}
}

func TestAStateIsProposedForManyFlowRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.createFlows(t)
	got := f.must(t, http.StatusOK, http.MethodPost, "/flow_runs/bulk_set_state", `{"state":{"type":"CANCELLED"}}`)
	state := sample.Member(t, f.must(t, http.StatusOK, http.MethodGet, flowRunOfTests, ""), "state")
	if want := `{"results":[{"flow_run_id":"` + idKnown + `","status":"ACCEPT","state":` + state + `,"details":{"type":"accept_details"}}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	history := f.must(t, http.StatusOK, http.MethodPost, "/flow_runs/history",
		`{"history_start":"2026-08-21T12:00:00Z","history_end":"2026-08-21T12:01:00Z","history_interval_seconds":60,"work_queues":null}`)
	if want := `"states":[{"state_type":"CANCELLED","state_name":"Cancelled","count_runs":1,`; !strings.Contains(history, want) {
		t.Errorf("history %s, want %s in it", history, want)
	}
}

func TestReadsOfFlowsThatFailAre503(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.flows.Break(taskrun.ErrUnavailable)
	described := operations(t)
	for _, r := range table() {
		if r.resource != ResourceRegisteredFlows && r.resource != ResourceFlowRuns && r.resource != ResourceFlowRunStates {
			continue
		}
		if r.path == "/ui/flows/count-deployments" { // it needs no store
			continue
		}
		var body string
		if o := described[r.method+" "+r.path]; o.RequestBody != nil {
			body = string(o.RequestBody.Content[typeJSON].Example)
		}
		path := anyParameter.ReplaceAllString(r.path, idKnown)
		if r.path == "/flow_run_states/" {
			path += "?flow_run_id=" + idKnown
		}
		if w := f.ask(t, r.method, path, body); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s, want 503", r.method, r.path, w.Code, w.Body)
		}
	}
}
