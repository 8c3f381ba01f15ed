package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestReads_routesReturnTheResults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/",
		`{"id":"`+idOther+`","task_key":"k","dynamic_key":"d","flow_run_id":"`+idFlowRun+`","state":{"type":"RUNNING"}}`)
	cases := map[string]struct{ path, body, want string }{
		"counting by state": {
			"/ui/task_runs/count", `{}`,
			`{"COMPLETED":0,"PENDING":1,"RUNNING":1,"FAILED":0,"CANCELLED":0,"CRASHED":0,"PAUSED":0,"CANCELLING":0,"SCHEDULED":0}`,
		},
		"counting by state with a filter": {
			"/ui/task_runs/count", `{"flow_runs":{}}`,
			`{"COMPLETED":0,"PENDING":0,"RUNNING":1,"FAILED":0,"CANCELLED":0,"CRASHED":0,"PAUSED":0,"CANCELLING":0,"SCHEDULED":0}`,
		},
		"counting by flow run": {
			"/ui/flow_runs/count-task-runs", `{"flow_run_ids":["` + idUnknown + `","` + strings.ToUpper(idFlowRun) + `"]}`,
			`{"` + idUnknown + `":0,"` + idFlowRun + `":1}`,
		},
		"counting without a flow run": {"/ui/flow_runs/count-task-runs", `{"flow_run_ids":[]}`, `{}`},
		"a count inside flows":        {"/task_runs/count", `{"flow_runs":{"id":{"any_":["` + idFlowRun + `"]}}}`, `1`},
		"a history": {
			"/task_runs/history", `{"history_start":"2026-08-21T12:00:00Z","history_end":"2026-08-21T12:00:02Z","history_interval_seconds":1}`,
			`[{"interval_start":"2026-08-21T12:00:00Z","interval_end":"2026-08-21T12:00:01Z","states":[` +
				`{"state_type":"PENDING","state_name":"Pending","count_runs":1,"sum_estimated_run_time":0.0,"sum_estimated_lateness":0.0},` +
				`{"state_type":"RUNNING","state_name":"Running","count_runs":1,"sum_estimated_run_time":0.0,"sum_estimated_lateness":0.0}]},` +
				`{"interval_start":"2026-08-21T12:00:01Z","interval_end":"2026-08-21T12:00:02Z","states":[]}]`,
		},
		"a dashboard": {
			"/ui/task_runs/dashboard/counts", `{"task_runs":{"start_time":{"after_":0}}}`,
			`[` + strings.Repeat(`{"completed":0,"failed":0},`, 19) + `{"completed":0,"failed":0}]`,
		},
		"a page beyond the last": {"/task_runs/paginate", `{"page":9,"limit":1}`, `{"results":[],"count":2,"limit":1,"pages":2,"page":9}`},
		"a page of size 0":       {"/task_runs/paginate", `{"limit":0}`, `{"results":[],"count":2,"limit":0,"pages":0,"page":1}`},
		"no workers":             {"/task_workers/filter", ``, `[]`},
		"no logs":                {"/logs/filter", ``, `[]`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, f.must(t, http.StatusOK, http.MethodPost, tc.path, tc.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUI_runHasAFlowRunName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	plain := f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, "")
	want := strings.TrimSuffix(plain, "}") + `,"flow_run_name":null}`
	if diff := cmp.Diff(want, f.must(t, http.StatusOK, http.MethodGet, "/ui/task_runs/"+idKnown, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	gone := f.must(t, http.StatusNotFound, http.MethodGet, "/ui/task_runs/"+idUnknown, "")
	if gone != `{"detail":"Task not found"}` {
		t.Errorf("of an unknown run: %s", gone)
	}
}

// threeWorkers returns three connected workers.
type threeWorkers struct{}

func (threeWorkers) TaskWorkers() []taskrun.TaskWorker {
	return []taskrun.TaskWorker{
		{Identifier: "a", TaskKeys: []string{"x", "y"}, Timestamp: noon},
		{Identifier: "b", TaskKeys: []string{"y"}, Timestamp: noon},
		{Identifier: "c", Timestamp: noon},
	}
}

func TestTaskWorkers_areFilteredByTheirTasks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ *Options, d *Dependencies) { d.Workers = threeWorkers{} })
	for body, want := range map[string]string{
		``:                            "abc",
		`null`:                        "abc",
		`{}`:                          "abc",
		`{"task_worker_filter":null}`: "abc",
		`{"task_worker_filter":{"task_keys":[],"zz":1}}`:   "abc",
		`{"task_worker_filter":{"task_keys":["y"]}}`:       "ab",
		`{"task_worker_filter":{"task_keys":["z","x"]}}`:   "a",
		`{"task_worker_filter":{"task_keys":["nothing"]}}`: "",
	} {
		var workers []struct{ Identifier string }
		if err := json.Unmarshal([]byte(f.must(t, http.StatusOK, http.MethodPost, "/task_workers/filter", body)), &workers); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, w := range workers {
			ids = append(ids, w.Identifier)
		}
		if got := strings.Join(ids, ""); got != want {
			t.Errorf("%s: workers %q, want %q", body, got, want)
		}
	}
	one := f.must(t, http.StatusOK, http.MethodPost, "/task_workers/filter", `{"task_worker_filter":{"task_keys":["x"]}}`)
	if want := `[{"identifier":"a","task_keys":["x","y"],"timestamp":"2026-08-21T12:00:00Z"}]`; one != want {
		t.Errorf("a worker is %s, want %s", one, want)
	}
}

func TestObservedStates_routeReturnsStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	f.clock.Step(time.Second)
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/"+idKnown+"/set_state", `{"state":{"type":"RUNNING","name":"Busy"}}`)
	const (
		busy    = `{"state_type":"RUNNING","state_name":"Busy","first_seen":"2026-08-21T12:00:01Z","last_seen":"2026-08-21T12:00:01Z"}`
		pending = `{"state_type":"PENDING","state_name":"Pending","first_seen":"2026-08-21T12:00:00Z","last_seen":"2026-08-21T12:00:00Z"}`
	)
	for query, want := range map[string]string{
		"":                              busy + "," + pending,
		"?order_by=LAST_SEEN_DESC":      busy + "," + pending,
		"?order_by=NAME_ASC":            pending + "," + busy,
		"?limit=1":                      busy,
		"?query=bus":                    busy,
		"?query=+pend+":                 pending,
		"?query=ending":                 "",
		"?query=&limit=200&unknown=1":   busy + "," + pending,
		"?query=zz&query=RUN&limit=+2+": busy,
	} {
		if diff := cmp.Diff("["+want+"]", f.must(t, http.StatusOK, http.MethodGet, "/observed-states"+query, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
