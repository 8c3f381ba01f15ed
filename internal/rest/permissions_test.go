package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// dependent holds the requests whose required permission depends on the body or on
// existing objects. Each is sent twice to a new server: the first request creates
// an object, the second one finds it.
var dependent = map[string]struct {
	route, body string
	also        string // permission in addition to the one of the route
	again       int    // status of the second request with the route's permission alone
}{
	"an event of an unknown run":                       {"POST /events", "[" + sample.EventText(nil) + "]", "create taskruns", 204},
	"a final event of an unknown run":                  {"POST /events", "[" + sample.EventText(payloadOf(`{"type":"COMPLETED","data":1}`, leastRun)) + "]", "create taskruns", 204},
	"the limit of an unknown tag":                      {"POST /concurrency_limits/", `{"tag":"t","concurrency_limit":1}`, "create concurrencylimits", 200},
	"a run with a result":                              {"POST /task_runs/", newRunWith(`{"type":"COMPLETED","data":{"x":1}}`), "update taskruns/status", 403},
	"a run with the result false":                      {"POST /task_runs/", newRunWith(`{"type":"COMPLETED","data":false}`), "update taskruns/status", 403},
	"a run with a result in a state that is not final": {"POST /task_runs/", newRunWith(`{"type":"SCHEDULED","data":"x"}`), "update taskruns/status", 403},
	"a run with the cache key of a result":             {"POST /task_runs/", newRunWith(`{"type":"COMPLETED","state_details":{"cache_key":"k"}}`), "update taskruns/status", 403},
	"a run with an empty cache key":                    {"POST /task_runs/", newRunWith(`{"type":"COMPLETED","state_details":{"cache_key":""}}`), "update taskruns/status", 403},
	"a flow run with a result":                         {"POST /flow_runs/", newFlowRunWith(`{"type":"COMPLETED","data":{"x":1}}`), "update flowruns/status", 403},
}

func newRunWith(state string) string {
	return `{"task_key":"k","dynamic_key":"d","state":` + state + `}`
}

func newFlowRunWith(state string) string {
	return `{"flow_id":"` + idFlow + `","idempotency_key":"k","state":` + state + `}`
}

// withDomain puts real use cases behind the routes, in two namespaces.
func withDomain(reviewer *fakeReviewer) change {
	return func(_ *Options, d *Dependencies) {
		space := func(namespace string) Tenant {
			store := memory.New()
			runs := usecase.New(usecase.Options{Namespace: namespace, Store: store, Clock: d.Clock})
			limits := concurrency.New(concurrency.Options{Namespace: namespace, Store: memory.NewLimits(), Clock: d.Clock})
			flowRuns := memory.NewFlows()
			_, _ = flowRuns.CreateFlow(context.Background(), &flowrun.Flow{ID: idFlow, Name: "etl"}) // a new store has no other
			return Tenant{Runs: runs, Recorder: runs, Limits: limits, Flows: newFlows(namespace, flowRuns, store, d.Clock)}
		}
		d.Reviewer, d.Tenant = reviewer, space("default")
		d.Others = func(namespace string) (Tenant, error) { return space(namespace), nil }
	}
}

func (f *fixture) demand(t *testing.T, method, path, body string, permissions ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://example.test"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+strings.Join(permissions, " and "))
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	return w
}

// Every request whose permissions do not depend only on its route, with every set
// of permissions, in two namespaces.
func TestPermissions_secondPermission(t *testing.T) {
	t.Parallel()
	for name, tc := range dependent {
		method, path, _ := strings.Cut(tc.route, " ")
		for namespace, base := range map[string]string{"default": "/api", "other": "/namespaces/other/api"} {
			right, also := access[tc.route]+" in "+namespace, tc.also+" in "+namespace
			elsewhere := tc.also + " in " + map[string]string{"default": "other", "other": "default"}[namespace]
			f := newFixture(t, withDomain(&fakeReviewer{}))
			ask := func(permissions ...string) int { return f.demand(t, method, base+path, tc.body, permissions...).Code }
			for _, refused := range [][]string{{right}, {also}, {right, elsewhere}, {right, "list taskruns in " + namespace}} {
				if got := ask(refused...); got != http.StatusForbidden {
					t.Errorf("%s with %q: status %d, want 403", name, refused, got)
				}
			}
			if got := ask(right, also); got/100 != 2 {
				t.Errorf("%s with both permissions in %s: status %d, want it done", name, namespace, got)
			}
			if got := ask(right); got != tc.again {
				t.Errorf("%s that exists by now, with %q: status %d, want %d", name, right, got, tc.again)
			}
		}
	}
}

// Requests that need only the route's permission.
func TestPermissions_noSecondPermission(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ route, body string }{
		"a run":                                {"POST /task_runs/", `{"task_key":"k","dynamic_key":"d"}`},
		"a run that is scheduled":              {"POST /task_runs/", newRunWith(`{"type":"SCHEDULED","state_details":{"deferred":true}}`)},
		"a run without a result":               {"POST /task_runs/", newRunWith(`{"type":"COMPLETED","data":null,"state_details":{"cache_key":null}}`)},
		"a run with a cache key":               {"POST /task_runs/", `{"task_key":"k","dynamic_key":"d","cache_key":"k"}`},
		"a limit":                              {"POST /v2/concurrency_limits/", `{"name":"n","limit":1}`},
		"an event that is not about a run":     {"POST /events", "[" + sample.EventText(map[string]string{"event": `"prefect.flow-run.Running"`}) + "]"},
		"slots of a limit that does not exist": {"POST /v2/concurrency_limits/increment", `{"names":["none"],"slots":1,"mode":"concurrency"}`},
		"slots of a tag without a limit":       {"POST /concurrency_limits/increment", `{"names":["none"],"task_run_id":"` + idKnown + `"}`},
		"a reset of a limit that was deleted":  {"POST /concurrency_limits/tag/{tag}/reset", `{}`},
		"a flow run without a result":          {"POST /flow_runs/", newFlowRunWith(`{"type":"RUNNING"}`)},
	} {
		f := newFixture(t, withDomain(&fakeReviewer{}))
		method, path, _ := strings.Cut(tc.route, " ")
		w := f.demand(t, method, "/api"+anyParameter.ReplaceAllString(path, "none"), tc.body, access[tc.route]+" in default")
		if w.Code == http.StatusForbidden || w.Code == http.StatusUnprocessableEntity || w.Code >= 500 {
			t.Errorf("%s: status %d %s, want it permitted", name, w.Code, w.Body)
		}
	}
}

// The permitted events of a batch are recorded. The response names the missing
// permission for the others. The permission is reviewed once.
func TestEventsOverHTTP_permittedEventsOfABatchAreRecorded(t *testing.T) {
	t.Parallel()
	const right, create = "update taskruns/status in default", "create taskruns in default"
	reviewer := &fakeReviewer{}
	f := newFixture(t, withDomain(reviewer))
	of := func(run, state string) string {
		replace := payloadOf(`{"type":"RUNNING","id":"`+state+`"}`, leastRun)
		replace["resource"] = `{"prefect.resource.id":"prefect.task-run.` + run + `","prefect.orchestration":"client"}`
		return sample.EventText(replace)
	}
	f.demand(t, http.MethodPost, "/api/events", "["+of(idKnown, stateID(1))+"]", right, create)
	reviewer.asked = nil
	batch := "[" + of(idOther, stateID(2)) + "," + of(idKnown, stateID(3)) + "," + of(idUnknown, stateID(4)) + "]"
	w := f.demand(t, http.MethodPost, "/api/events", batch, right)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), create) {
		t.Errorf("response %d %s, want 403 with %q", w.Code, w.Body, create)
	}
	if diff := cmp.Diff([]string{right, create}, reviewer.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for run, want := range map[string]int{idKnown: 200, idOther: 404, idUnknown: 404} {
		if got := f.demand(t, http.MethodGet, "/api/task_runs/"+run, "", "get taskruns in default").Code; got != want {
			t.Errorf("run %s: status %d, want %d", run, got, want)
		}
	}
	if got := f.demand(t, http.MethodGet, "/api/task_run_states/"+stateID(3), "", "get taskruns in default").Code; got != http.StatusOK {
		t.Errorf("the state of the known run: status %d, want 200", got)
	}
	// If the review fails, the response asks the client to retry the batch.
	reviewer.fail(create, authn.ErrUnavailable)
	if got := f.demand(t, http.MethodPost, "/api/events", batch, right, create).Code; got != http.StatusServiceUnavailable {
		t.Errorf("without an API server: status %d, want 503", got)
	}
}

// The same over a websocket, which stays open.
func TestEventsIn_createsRunsOnlyForPermittedCallers(t *testing.T) {
	t.Parallel()
	const right, create = "update taskruns/status in default", "create taskruns in default"
	for name, tc := range map[string]struct {
		permissions []string
		want        map[EventOutcome]int
	}{
		"a permitted caller":              {[]string{right, create}, map[EventOutcome]int{EventValid: 3}},
		"a caller without the permission": {[]string{right}, map[EventOutcome]int{EventValid: 3, EventRejected: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reviewer := &fakeReviewer{}
			inBubble(t, func(w *socketFixture) {
				p := w.open(w.t, pathEventsIn, offering...)
				p.send(w.t, `{"type":"auth","token":"`+strings.Join(tc.permissions, " and ")+`"}`)
				p.expect(w.t, frameSuccess)
				for i := range 3 {
					p.send(w.t, numbered(i+1))
				}
				if err := <-p.ping(w.t); err != nil {
					w.t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, w.counted.events); diff != "" {
					w.t.Errorf("counted (-want +got):\n%s", diff)
				}
				asked := slices.DeleteFunc(slices.Clone(reviewer.asked), func(what string) bool { return what != create })
				if len(asked) != 1 {
					w.t.Errorf("asked %d times whether it may create, want once in the batch", len(asked))
				}
			}, withReviewer(reviewer), withDomain(reviewer))
		})
	}
}

// Another replica created the run a moment ago. This replica does not know it yet,
// but the API server does, so no permission to create is needed.
func TestEvents_runOfAnotherReplicaNeedsNoPermissionToCreate(t *testing.T) {
	t.Parallel()
	store := memory.New()
	denied := errors.New("denied")
	runs := usecase.New(usecase.Options{Namespace: "default", Store: forgetful{store}, Clock: testingclock.NewFakeClock(noon)})
	e, err := reported(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	record := func(check error) (refused error) {
		ctx := usecase.WithCreateCheck(t.Context(), func(context.Context) error { return check })
		if err := runs.Record(ctx, []taskrun.Event{e}, func(_ taskrun.Event, why error) { refused = why }); err != nil {
			t.Fatal(err)
		}
		return refused
	}
	forbidden := errors.Join(taskrun.ErrForbidden, denied)
	if got := record(forbidden); !errors.Is(got, denied) {
		t.Errorf("the run does not exist: refused with %v, want %v", got, denied)
	}
	if got := record(nil); got != nil {
		t.Errorf("with the permission: refused with %v", got)
	}
	e.State.ID = stateID(9)
	if got := record(forbidden); got != nil {
		t.Errorf("the run exists: refused with %v", got)
	}
}

// forgetful is a store that finds runs only through the API server.
type forgetful struct{ taskrun.Store }

func (forgetful) Known(string) *taskrun.Run { return nil }

// Deliveries to a worker are attributed to its caller.
func TestSubscription_hasTheCallerInItsContext(t *testing.T) {
	t.Parallel()
	const right = "update taskruns/status in default"
	inBubble(t, func(w *socketFixture) {
		p := w.open(w.t, "/task_runs/subscriptions/scheduled", offering...)
		p.send(w.t, `{"type":"auth","token":"`+right+`"}`)
		p.expect(w.t, frameSuccess)
		p.send(w.t, `{"type":"subscribe","keys":["a"],"client_id":"w"}`)
		w.deliveries.expect(w.t, "w wants a")
		w.deliveries.mu.Lock()
		defer w.deliveries.mu.Unlock()
		if w.deliveries.caller != right {
			w.t.Errorf("the caller is %q, want %q", w.deliveries.caller, right)
		}
	}, withReviewer(&fakeReviewer{}))
}
