package rest

import (
	stdcmp "cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// access holds the required permission of each route: verb and resource, "known"
// if every identified caller has access, "open" if no authentication is needed.
// Add a row for each new route.
var access = map[string]string{
	"GET /health": "open",
	"GET /ready":  "open",
	"GET /hello":  "open",

	"GET /version":       "known",
	"GET /admin/version": "known",
	"GET /admin/storage": "known",
	"GET /csrf-token":    "known",
	"GET /openapi.json":  "known",
	"GET /docs":          "known",
	"GET /docs/{asset}":  "known",

	"POST /task_runs/":                       "create taskruns",
	"PATCH /task_runs/{id}":                  "update taskruns",
	"DELETE /task_runs/{id}":                 "delete taskruns",
	"POST /task_runs/{id}/set_state":         "update taskruns/status",
	"GET /task_runs/{id}":                    "get taskruns",
	"GET /ui/task_runs/{id}":                 "get taskruns",
	"GET /task_run_states/{id}":              "get taskruns",
	"GET /task_run_states/":                  "get taskruns",
	"POST /task_runs/count":                  "list taskruns",
	"POST /task_runs/filter":                 "list taskruns",
	"POST /task_runs/paginate":               "list taskruns",
	"POST /task_runs/history":                "list taskruns",
	"POST /ui/task_runs/count":               "list taskruns",
	"POST /ui/task_runs/dashboard/counts":    "list taskruns",
	"POST /ui/flow_runs/count-task-runs":     "list taskruns",
	"POST /task_workers/filter":              "list taskruns",
	"GET /observed-states":                   "list taskruns",
	"POST /logs/":                            "update taskruns/status",
	"POST /logs/filter":                      "list taskruns",
	"POST /events":                           "update taskruns/status",
	"GET /events/in":                         "update taskruns/status",
	"GET /events/out":                        "list taskruns",
	"GET /task_runs/subscriptions/scheduled": "update taskruns/status",

	"POST /flows/":           "create registeredflows",
	"PATCH /flows/{id}":      "update registeredflows",
	"GET /flows/{id}":        "get registeredflows",
	"GET /flows/name/{name}": "get registeredflows",
	"DELETE /flows/{id}":     "delete registeredflows",

	"POST /flows/count":       "list registeredflows",
	"POST /flows/filter":      "list registeredflows",
	"POST /flows/paginate":    "list registeredflows",
	"POST /flows/bulk_delete": "delete registeredflows",

	"POST /flow_runs/count":            "list flowruns",
	"POST /flow_runs/filter":           "list flowruns",
	"POST /flow_runs/history":          "list flowruns",
	"POST /flow_runs/lateness":         "list flowruns",
	"POST /flow_runs/paginate":         "list flowruns",
	"POST /flow_runs/bulk_delete":      "delete flowruns",
	"POST /flow_runs/bulk_set_state":   "update flowruns/status",
	"POST /ui/flow_runs/history":       "list flowruns",
	"POST /ui/flows/next-runs":         "list flowruns",
	"POST /ui/flows/count-deployments": "list registeredflows",
	"POST /artifacts/filter":           "known",
	"POST /artifacts/latest/filter":    "known",
	"POST /automations/filter":         "known",
	"POST /block_documents/filter":     "known",
	"POST /block_types/filter":         "known",
	"POST /deployments/filter":         "known",
	"POST /deployments/paginate":       "known",
	"POST /events/filter":              "known",
	"POST /saved_searches/filter":      "known",
	"POST /variables/filter":           "known",
	"POST /work_pools/filter":          "known",
	"POST /work_queues/filter":         "known",
	"GET /admin/settings":              "known",

	"POST /flow_runs/":                   "create flowruns",
	"PATCH /flow_runs/{id}":              "update flowruns",
	"GET /flow_runs/{id}":                "get flowruns",
	"DELETE /flow_runs/{id}":             "delete flowruns",
	"POST /flow_runs/{id}/set_state":     "update flowruns/status",
	"POST /flow_runs/{id}/resume":        "update flowruns/status",
	"PATCH /flow_runs/{id}/labels":       "update flowruns",
	"GET /flow_runs/{id}/graph":          "get flowruns",
	"GET /flow_runs/{id}/graph-v2":       "get flowruns",
	"GET /flow_runs/{id}/logs/download":  "get flowruns",
	"POST /flow_runs/{id}/input":         "update flowruns",
	"POST /flow_runs/{id}/input/filter":  "get flowruns",
	"GET /flow_runs/{id}/input/{key}":    "get flowruns",
	"DELETE /flow_runs/{id}/input/{key}": "update flowruns",
	"GET /flow_run_states/{id}":          "get flowruns",
	"GET /flow_run_states/":              "get flowruns",

	"POST /concurrency_limits/":                           "update concurrencylimits",
	"POST /concurrency_limits/filter":                     "list concurrencylimits",
	"GET /concurrency_limits/{id}":                        "get concurrencylimits",
	"DELETE /concurrency_limits/{id}":                     "delete concurrencylimits",
	"GET /concurrency_limits/tag/{tag}":                   "get concurrencylimits",
	"POST /concurrency_limits/tag/{tag}/reset":            "update concurrencylimits/status",
	"DELETE /concurrency_limits/tag/{tag}":                "delete concurrencylimits",
	"POST /concurrency_limits/increment":                  "update concurrencylimits/status",
	"POST /concurrency_limits/decrement":                  "update concurrencylimits/status",
	"POST /v2/concurrency_limits/":                        "create concurrencylimits",
	"GET /v2/concurrency_limits/{id_or_name}":             "get concurrencylimits",
	"POST /v2/concurrency_limits/filter":                  "list concurrencylimits",
	"PATCH /v2/concurrency_limits/{id_or_name}":           "update concurrencylimits",
	"DELETE /v2/concurrency_limits/{id_or_name}":          "delete concurrencylimits",
	"POST /v2/concurrency_limits/increment":               "update concurrencylimits/status",
	"POST /v2/concurrency_limits/decrement":               "update concurrencylimits/status",
	"POST /v2/concurrency_limits/increment-with-lease":    "update concurrencylimits/status",
	"POST /v2/concurrency_limits/decrement-with-lease":    "update concurrencylimits/status",
	"POST /v2/concurrency_limits/leases/{lease_id}/renew": "update concurrencylimits/status",
}

func TestRoutes_everyRouteHasAPermission(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, r := range table() {
		needs := strings.TrimSpace(string(r.verb) + " " + string(r.resource))
		switch {
		case r.open:
			needs = "open"
		case needs == "":
			needs = "known"
		}
		got[r.method+" "+r.path] = needs
	}
	if diff := cmp.Diff(access, got); diff != "" {
		t.Errorf("who may use routes (-want +got):\n%s", diff)
	}
}

// fakeReviewer knows the tokens "<verb> <resource> in <namespace>", which have
// that permission, several of them joined with " and ", and the tokens in errors,
// which fail.
type fakeReviewer struct {
	mu     sync.Mutex
	errors map[string]error
	until  time.Time
	asked  []string // by Authorize
}

func (d *fakeReviewer) Authenticate(_ context.Context, token string) (authn.Caller, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.errors[token]; err != nil {
		return authn.Caller{}, err
	}
	if !strings.Contains(token, " in ") {
		return authn.Caller{}, fmt.Errorf("%w: who is that", authn.ErrUnauthenticated)
	}
	return authn.Caller{Name: token, Until: d.until}, nil
}

func (d *fakeReviewer) Authorize(_ context.Context, caller authn.Caller, a authn.Access) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.errors["access of "+caller.Name]; err != nil {
		return err
	}
	asked := a.Verb + " " + strings.TrimSuffix(a.Resource+"/"+a.Subresource, "/") + " in " + stdcmp.Or(a.Namespace, "everywhere")
	d.asked = append(d.asked, asked)
	if err := d.errors[asked]; err != nil {
		return err
	}
	if !slices.Contains(strings.Split(caller.Name, " and "), asked) {
		return fmt.Errorf("%w: %s", authn.ErrForbidden, asked)
	}
	return nil
}

func (d *fakeReviewer) fail(token string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.errors == nil {
		d.errors = map[string]error{}
	}
	d.errors[token] = err
}

// guarded returns a server with authentication. It serves another namespace
// "other".
func guarded(t *testing.T, reviewer *fakeReviewer) *fixture {
	t.Helper()
	return newFixture(t, withReviewer(reviewer))
}

func withReviewer(reviewer *fakeReviewer) change {
	return func(_ *Options, d *Dependencies) {
		d.Reviewer, d.Limits = reviewer, &askedLimits{}
		d.Others = func(namespace string) (Tenant, error) {
			if namespace == allNamespaces {
				return Tenant{Lists: d.Runs}, nil
			}
			if namespace != "other" {
				return Tenant{}, ErrNotServed
			}
			store := memory.New()
			runs := usecase.New(usecase.Options{Namespace: namespace, Store: store, Clock: d.Clock})
			return Tenant{Runs: runs, Limits: &askedLimits{}, Flows: newFlows(namespace, memory.NewFlows(), store, d.Clock)}, nil
		}
	}
}

// knock requests a path with the given Authorization header.
func (f *fixture) knock(t *testing.T, method, path, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://example.test"+path, http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	return w
}

var anyParameter = regexp.MustCompile("{[^}]*}")

// Every route with every kind of credentials.
func TestRoutes_everyRouteNeedsAuthorization(t *testing.T) {
	t.Parallel()
	reviewer := &fakeReviewer{}
	reviewer.fail("lost", fmt.Errorf("%w: no API server", authn.ErrUnavailable))
	f := guarded(t, reviewer)
	for _, r := range table() {
		if r.serve != nil {
			continue
		}
		path := anyParameter.ReplaceAllString(r.path, idUnknown)
		needs := access[r.method+" "+r.path]
		right := needs
		if needs == "known" {
			right = "get nothing"
		}
		cases := map[string]struct {
			base, show string
			want       int // 0: any response of the route
		}{
			"nothing":                               {"/api", "", 401},
			"garbage":                               {"/api", "Bearer garbage", 401},
			"a password":                            {"/api", "Basic dXNlcjpwYXNz", 401},
			"a token of another scheme":             {"/api", "Bearer  ", 401},
			"an unknown token":                      {"/api", "Negotiate x", 401},
			"a failed review":                       {"/api", "Bearer lost", 503},
			"no permission":                         {"/api", "Bearer watch taskruns in default", 403},
			"a permission in another namespace":     {"/api", "Bearer " + right + " in other", 403},
			"a permission for another verb":         {"/namespaces/other/api", "Bearer " + right + " in default", 403},
			"the permission":                        {"/api", "Bearer " + right + " in default", 0},
			"the permission in the other namespace": {"/namespaces/other/api", "Bearer " + right + " in other", 0},
			"the scheme in lower case":              {"/api", "bearer " + right + " in default", 0},
		}
		for name, tc := range cases {
			switch {
			case needs == "open", needs == "known" && tc.want == 403:
				tc.want = 0
			}
			got := f.knock(t, r.method, tc.base+path, tc.show).Code
			refused := got == 401 || got == 403 || got == 503
			if tc.want != 0 && got != tc.want || tc.want == 0 && refused {
				t.Errorf("%s %s%s with %s: status %d, want %d", r.method, tc.base, r.path, name, got, tc.want)
			}
		}
	}
}

// Unknown paths need authentication too.
func TestRoutes_unknownPathsNeedAuthentication(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	for _, path := range []string{"/", "/api/nope", "/api/task_runs", "/namespaces/other/api/nope", "/namespaces/Not-A-Name/api/task_runs/count"} {
		if got := f.knock(t, http.MethodPost, path, "").Code; got != http.StatusUnauthorized {
			t.Errorf("%s without a token: status %d, want 401", path, got)
		}
	}
	known := "Bearer list taskruns in default"
	for path, want := range map[string]int{
		"/api/nope": 404, "/namespaces/other/api/nope": 404, "/namespaces/Not-A-Name/api/task_runs/count": 404, "/namespaces/-a/api/task_runs/count": 404,
		"/namespaces/" + strings.Repeat("a", 64) + "/api/task_runs/count": 404, "/namespaces//api/task_runs/count": 404,
	} {
		if got := f.knock(t, http.MethodPost, path, known).Code; got != want {
			t.Errorf("%s with a token: status %d, want %d", path, got, want)
		}
	}
	if got := f.knock(t, http.MethodPost, "/namespaces/foreign/api/task_runs/count", "Bearer list taskruns in foreign").Code; got != http.StatusNotFound {
		t.Errorf("a namespace that is not served: status %d, want 404", got)
	}
	if names := slices.Collect(maps.Keys(f.server.others.byName)); len(names) != 0 {
		t.Errorf("namespaces %q were opened for callers who may do nothing there", names)
	}
}

func TestAuthorization_errorHasTheFix(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	cases := map[string]struct {
		show, wantMessage, wantWords string
	}{
		"nothing":           {"", "Unauthorized", "PREFECT_API_KEY"},
		"a password":        {"Basic dXNlcjpwYXNz", "Unauthorized", "PREFECT_API_AUTH_STRING"},
		"an unknown caller": {"Bearer x", "Unauthorized", "who is that"},
		"no permission":     {"Bearer get taskruns in default", "Forbidden", "list taskruns in default"},
	}
	for name, tc := range cases {
		w := f.knock(t, http.MethodPost, "/api/task_runs/filter", tc.show)
		if got := sample.Member(t, w.Body.String(), "exception_message"); got != `"`+tc.wantMessage+`"` || !strings.Contains(w.Body.String(), tc.wantWords) {
			t.Errorf("%s: %s, want %q with %q", name, w.Body, tc.wantMessage, tc.wantWords)
		}
		if challenge := w.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (w.Code == http.StatusUnauthorized) {
			t.Errorf("%s: status %d with WWW-Authenticate %q", name, w.Code, challenge)
		}
	}
}

func TestLog_hasTheCallerOfARequest(t *testing.T) {
	t.Parallel()
	logged := &lockedBuffer{}
	f := newFixture(t, withReviewer(&fakeReviewer{}), debugLog(logged))
	f.knock(t, http.MethodPost, "/namespaces/other/api/task_runs/count", "Bearer list taskruns in other")
	if log := logged.String(); !strings.Contains(log, `caller="list taskruns in other" namespace=other`) {
		t.Errorf("log %q does not name the caller", log)
	}
}

// A namespace does not contain the runs of another namespace.
func TestNamespaces_areSeparate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withReviewer(&fakeReviewer{}), func(_ *Options, d *Dependencies) { d.Reviewer = nil })
	f.create(t)
	if got := f.knock(t, http.MethodGet, "/api/task_runs/"+idKnown, "").Code; got != http.StatusOK {
		t.Errorf("own namespace: status %d, want 200", got)
	}
	if got := f.knock(t, http.MethodGet, "/namespaces/default/api/task_runs/"+idKnown, "").Code; got != http.StatusOK {
		t.Errorf("own namespace by its name: status %d, want 200", got)
	}
	if got := f.knock(t, http.MethodGet, "/namespaces/other/api/task_runs/"+idKnown, "").Code; got != http.StatusNotFound {
		t.Errorf("elsewhere: status %d, want 404", got)
	}
	w := f.knock(t, http.MethodGet, "/namespaces/other/api/openapi.json", "")
	if !strings.Contains(w.Body.String(), `"servers":[{"url":"/namespaces/other/api"}]`) {
		t.Error("the document does not name the base that it was asked for at")
	}
}

func TestRequests_overTheLimitAreRejected(t *testing.T) {
	t.Parallel()
	var inside sync.WaitGroup
	held := make(chan struct{})
	f := newFixture(t, withReviewer(&fakeReviewer{}), func(o *Options, d *Dependencies) {
		o.MaxInFlight, o.MaxPerCaller = 3, 2
		d.Runs = brokenRuns{Runs: d.Runs, get: func(context.Context, string) (*taskrun.Run, error) {
			inside.Done()
			<-held
			return nil, taskrun.ErrNotFound
		}}
	})
	get := func(user string) *httptest.ResponseRecorder {
		return f.knock(t, http.MethodGet, "/api/task_runs/"+idKnown, "Bearer "+user)
	}
	const one, two = "get taskruns in default", "list taskruns in default"
	var flood sync.WaitGroup
	inside.Add(2)
	for range 2 {
		flood.Go(func() { get(one) })
	}
	inside.Wait()
	w := get(one)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("beyond a caller's share: status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if got := f.knock(t, http.MethodPost, "/api/task_runs/count", "Bearer "+two).Code; got != http.StatusOK {
		t.Errorf("another caller: status %d, want 200", got)
	}
	leave, _ := f.server.admission.Enter()
	if got := f.knock(t, http.MethodPost, "/api/task_runs/count", "Bearer "+two).Code; got != http.StatusServiceUnavailable {
		t.Errorf("when the server is full: status %d, want 503", got)
	}
	for _, path := range []string{"/api/health", "/api/ready", "/api/hello"} {
		if got := f.knock(t, http.MethodGet, path, "").Code; got != http.StatusOK {
			t.Errorf("%s when the server is full: status %d, want 200", path, got)
		}
	}
	leave()
	close(held)
	flood.Wait()
	if diff := cmp.Diff([]string{limiter.ReasonCaller, limiter.ReasonServer}, f.metrics.rejected); diff != "" {
		t.Errorf("rejections counted (-want +got):\n%s", diff)
	}
	if f.metrics.underWay.Load() != 0 || f.server.admission.Len() != 0 || f.server.admission.Callers() != 0 {
		t.Errorf("%d requests are still counted", f.server.admission.Len())
	}
}

// Every websocket with every kind of credentials.
func TestSockets_everySocketNeedsAuthorization(t *testing.T) {
	t.Parallel()
	for _, r := range table() {
		if r.serve == nil {
			continue
		}
		right := access[r.method+" "+r.path]
		cases := map[string]struct {
			token string
			want  end // zero: the socket stays open
		}{
			"nothing":                           {"", end{1008, "Auth required but no token provided"}},
			"garbage":                           {"garbage", end{1008, "Invalid token"}},
			"no permission":                     {"watch taskruns in default", end{1008, "Invalid token"}},
			"a permission in another namespace": {right + " in other", end{1008, "Invalid token"}},
			"a failed review":                   {"lost", end{1013, "Service Unavailable"}},
			"the permission":                    {right + " in default", end{}},
		}
		for name, tc := range cases {
			t.Run(strings.TrimPrefix(r.path, "/")+" with "+name, func(t *testing.T) {
				t.Parallel()
				reviewer := &fakeReviewer{}
				reviewer.fail("lost", authn.ErrUnavailable)
				inBubble(t, func(w *socketFixture) {
					p := w.open(w.t, r.path, offering...)
					p.send(w.t, `{"type":"auth","token":"`+tc.token+`"}`)
					if tc.want != (end{}) {
						p.expectEnd(w.t, tc.want)
						return
					}
					p.expect(w.t, frameSuccess)
				}, withReviewer(reviewer))
			})
		}
	}
}

// Clients without the auth frame, and the API server, authenticate in the upgrade.
func TestSockets_authorizationHeaderOfTheUpgrade(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		show         string
		subprotocols []string
		want         int // status
	}{
		"an old client with the permission":   {"Bearer list taskruns in default", nil, 101},
		"a new client with the permission":    {"Bearer list taskruns in default", offering, 101},
		"an old client without credentials":   {"", nil, 403},
		"an old client with an invalid token": {"Bearer garbage", nil, 401},
		"a password":                          {"Basic dXNlcjpwYXNz", offering, 401},
		"a failed review":                     {"Bearer lost", nil, 503},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reviewer := &fakeReviewer{}
			reviewer.fail("lost", authn.ErrUnavailable)
			inBubble(t, func(w *socketFixture) {
				o := &websocket.DialOptions{Subprotocols: tc.subprotocols, HTTPHeader: http.Header{}}
				if tc.show != "" {
					o.HTTPHeader.Set("Authorization", tc.show)
				}
				conn, status, _ := w.dial(w.t, pathEventsOut, o)
				if status != tc.want {
					w.t.Errorf("status %d, want %d", status, tc.want)
				}
				if conn != nil {
					_ = conn.CloseNow()
				}
			}, withReviewer(reviewer))
		})
	}
}

func TestSockets_endWhenThePermissionEnds(t *testing.T) {
	t.Parallel()
	const right = "list taskruns in default"
	cases := map[string]struct {
		reviewer func(*fakeReviewer)
		after    func(*fakeReviewer)
		want     end
		within   time.Duration
	}{
		"the token expires": {
			reviewer: func(d *fakeReviewer) { d.until = noon.Add(10 * time.Second) }, want: end{1008, "Token expired"}, within: 10 * time.Second,
		},
		"the token is revoked": {
			after: func(d *fakeReviewer) { d.fail(right, authn.ErrUnauthenticated) }, want: end{1008, "Token is not good any more"}, within: time.Minute,
		},
		"the permission is revoked": {
			after: func(d *fakeReviewer) { d.fail("access of "+right, authn.ErrForbidden) }, want: end{1008, "Token is not good any more"}, within: time.Minute,
		},
		"reviews fail until the token expires": {
			reviewer: func(d *fakeReviewer) { d.until = noon.Add(150 * time.Second) },
			after:    func(d *fakeReviewer) { d.fail(right, authn.ErrUnavailable) }, want: end{1008, "Token expired"}, within: 150 * time.Second,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reviewer := &fakeReviewer{}
			if tc.reviewer != nil {
				tc.reviewer(reviewer)
			}
			inBubble(t, func(w *socketFixture) {
				began := time.Now()
				p := w.open(w.t, pathEventsOut, offering...)
				p.send(w.t, `{"type":"auth","token":"`+right+`"}`)
				p.expect(w.t, frameSuccess)
				p.send(w.t, `{"type":"filter","filter":{}}`)
				synctest.Wait()
				if tc.after != nil {
					tc.after(reviewer)
				}
				p.expectEnd(w.t, tc.want)
				if took := time.Since(began); took != tc.within {
					w.t.Errorf("ended after %s, want %s", took, tc.within)
				}
			}, withReviewer(reviewer), func(_ *Options, d *Dependencies) { d.Clock = offsetclock.New(time.Until(noon)) })
		})
	}
}

func TestLists_ofAllNamespaces(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	for _, r := range table() {
		needs := access[r.method+" "+r.path]
		if r.serve != nil || needs == "open" || needs == "known" {
			continue
		}
		path := "/namespaces/-/api" + anyParameter.ReplaceAllString(r.path, idUnknown)
		if got := f.knock(t, r.method, path, "Bearer "+needs+" in default").Code; got != http.StatusForbidden {
			t.Errorf("%s %s with a right in one namespace: status %d, want 403", r.method, r.path, got)
		}
		w := f.knock(t, r.method, path, "Bearer "+needs+" in everywhere")
		if across := !strings.Contains(w.Body.String(), "all namespaces at once"); across != r.across {
			t.Errorf("%s %s with the right everywhere: %d %s", r.method, r.path, w.Code, w.Body)
		}
	}
}
