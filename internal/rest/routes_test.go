package rest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestRoutes_unknownPathsAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	cases := map[string]struct{ method, path string }{
		"an unknown word":             {http.MethodGet, "/nope"},
		"the root":                    {http.MethodGet, "/"},
		"a prefix of a path":          {http.MethodGet, "/task_run"},
		"an invalid id":               {http.MethodGet, "/task_runs/nope"},
		"an id that is a digit short": {http.MethodGet, "/task_runs/" + idKnown[1:]},
		"an id that is a digit long":  {http.MethodGet, "/task_runs/" + idKnown + "0"},
		"an id with a letter that is not a hexadecimal digit": {http.MethodGet, "/task_runs/g" + idKnown[1:]},
		"an id with a misplaced hyphen":                       {http.MethodGet, "/task_runs/0198a1b20-000-7000-8000-00000000000a"},
		"an id in braces":                                     {http.MethodGet, "/task_runs/%7B" + idKnown + "%7D"},
		"an id as a URN":                                      {http.MethodGet, "/task_runs/urn:uuid:" + idKnown},
		"a segment after an id":                               {http.MethodGet, "/task_runs/" + idKnown + "/more"},
		"a segment after an action":                           {http.MethodPost, "/task_runs/" + idKnown + "/set_state/x"},
		"an unknown action":                                   {http.MethodPost, "/task_runs/bulk_delete"},
		"a double slash at the front":                         {http.MethodGet, "//health"},
		"a double slash in the path":                          {http.MethodGet, "/task_runs//"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, tc.method, tc.path, "", headerAPIVersion, "0.1.0")
			if want := `{"detail":"Not Found"}`; w.Code != http.StatusNotFound || w.Body.String() != want {
				t.Errorf("answer = %d %s, want 404 %s", w.Code, w.Body, want)
			}
		})
	}
}

func TestRoutes_formatsOfAnIDInAPath(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	for name, id := range map[string]string{
		"hyphens":      idKnown,
		"upper case":   strings.ToUpper(idKnown),
		"no hyphens":   strings.ReplaceAll(idKnown, "-", ""),
		"some hyphens": strings.Replace(idKnown, "-", "", 2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sample.Member(t, f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+id, ""), "id"); got != `"`+idKnown+`"` {
				t.Errorf("id = %s, want %s", got, idKnown)
			}
		})
	}
}

func TestRoutes_wrongMethodGets405WithTheFirstAllowedOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	cases := map[string]struct{ method, path, allow string }{
		"reading the collection":    {http.MethodGet, "/task_runs/", "POST"},
		"deleting the collection":   {http.MethodDelete, "/task_runs/", "POST"},
		"putting a run":             {http.MethodPut, "/task_runs/" + idKnown, "PATCH"},
		"posting a run":             {http.MethodPost, "/task_runs/" + idKnown, "PATCH"},
		"an unknown method":         {"BREW", "/task_runs/" + idKnown, "PATCH"},
		"reading a filter":          {http.MethodGet, "/task_runs/filter", "POST"},
		"reading a count":           {http.MethodGet, "/task_runs/count", "POST"},
		"reading set_state":         {http.MethodGet, "/task_runs/" + idKnown + "/set_state", "POST"},
		"posting states":            {http.MethodPost, "/task_run_states/", "GET"},
		"deleting a state":          {http.MethodDelete, "/task_run_states/" + idKnown, "GET"},
		"HEAD of a run":             {http.MethodHead, "/task_runs/" + idKnown, "PATCH"},
		"HEAD of health":            {http.MethodHead, "/health", "GET"},
		"OPTIONS without an origin": {http.MethodOptions, "/health", "GET"},
		"posting to the version":    {http.MethodPost, "/admin/version", "GET"},
		"deleting the CSRF token":   {http.MethodDelete, "/csrf-token", "GET"},
		"posting to the document":   {http.MethodPost, "/openapi.json", "GET"},
		"HEAD of the page":          {http.MethodHead, "/docs", "GET"},
		"HEAD of the page's style":  {http.MethodHead, "/docs/swagger-ui.css", "GET"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, tc.method, tc.path, "{}")
			if want := `{"detail":"Method Not Allowed"}`; w.Code != http.StatusMethodNotAllowed || w.Body.String() != want {
				t.Errorf("answer = %d %s, want 405 %s", w.Code, w.Body, want)
			}
			if got := w.Header().Get("Allow"); got != tc.allow {
				t.Errorf("Allow = %q, want %q", got, tc.allow)
			}
		})
	}
}

func TestRoutes_missingOrSurplusSlashIsRedirected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const base = "http://example.test/api"
	cases := map[string]struct{ method, path, want string }{
		"a run":                  {http.MethodGet, "/task_runs/" + idKnown + "/", base + "/task_runs/" + idKnown},
		"a query is kept":        {http.MethodGet, "/task_runs/" + idKnown + "/?a=b", base + "/task_runs/" + idKnown + "?a=b"},
		"a collection":           {http.MethodPost, "/task_runs", base + "/task_runs/"},
		"an action":              {http.MethodPost, "/task_runs/filter/", base + "/task_runs/filter"},
		"states and their query": {http.MethodGet, "/task_run_states?task_run_id=1", base + "/task_run_states/?task_run_id=1"},
		"a token":                {http.MethodGet, "/csrf-token/?client=abc", base + "/csrf-token?client=abc"},
		"the documentation page": {http.MethodGet, "/docs/", base + "/docs"},
		"all slashes at the end": {http.MethodGet, "/health//", base + "/health"},
		"any method":             {http.MethodGet, "/task_runs", base + "/task_runs/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, tc.method, tc.path, "")
			got := resolved(t, base+tc.path, w.Header().Get("Location"))
			if w.Code != http.StatusTemporaryRedirect || got != tc.want || w.Body.Len() > 0 {
				t.Errorf("answer = %d to %q with %q, want 307 to %q with no body", w.Code, got, w.Body, tc.want)
			}
		})
	}
}

// resolved returns the URL that a client requests after a redirect.
func resolved(t *testing.T, asked, location string) string {
	t.Helper()
	from, err := url.Parse(asked)
	if err != nil {
		t.Fatal(err)
	}
	to, err := from.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return to.String()
}

// The proxy terminates TLS, has another host name, and removes a prefix of the path,
// which it names in X-Forwarded-Prefix.
func TestRedirect_hasThePrefixThatAProxyRemoved(t *testing.T) {
	t.Parallel()
	const public = "https://public.example/team/prefect"
	s := newFixture(t).server
	for path, want := range map[string]string{
		"/api/task_runs":                            "/api/task_runs/",
		"/api/task_runs/filter/?a=b%2Fc&d":          "/api/task_runs/filter?a=b%2Fc&d",
		"/namespaces/other/api/task_runs?x=1":       "/namespaces/other/api/task_runs/?x=1",
		"/namespaces/other/api/task_runs/count/":    "/namespaces/other/api/task_runs/count",
		"/namespaces/other/api/task_run_states?a=1": "/namespaces/other/api/task_run_states/?a=1",
		"/api/health//":                             "/api/health",
		"/api/docs/":                                "/api/docs",
	} {
		method := http.MethodGet
		if strings.HasSuffix(strings.Split(want, "?")[0], "/task_runs/") {
			method = http.MethodPost
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "http://inside.example"+path, http.NoBody)
		r.Header.Set("X-Forwarded-Prefix", "/team/prefect/")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusTemporaryRedirect {
			t.Errorf("%s: status %d, want 307", path, w.Code)
			continue
		}
		if got := resolved(t, public+path, w.Header().Get("Location")); got != public+want {
			t.Errorf("%s: redirected to %s by %q, want %s", path, got, w.Header().Get("Location"), public+want)
		}
	}
}

func TestRoutes_nothingIsServedOutsideTheBasePath(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.BasePath = "/prefect/api" })
	if w := f.ask(t, http.MethodGet, "/health", ""); w.Code != http.StatusNotFound {
		t.Errorf("status under another base = %d, want 404", w.Code)
	}
}

func TestRoutes_everyRouteIsComplete(t *testing.T) {
	t.Parallel()
	known := parameters
	for _, r := range table() {
		if r.summary == "" || (r.handle == nil) == (r.serve == nil) || !strings.HasPrefix(r.path, "/") {
			t.Errorf("%s %s lacks something", r.method, r.path)
		}
		parameters := shapeOf(r.path).parameters
		if names := len(parameters) > 0 && parameters[0] != leaseParameter; names != (r.notFoundText != nil) {
			t.Errorf("%s %s: what is said of something unknown and the parameter do not go together", r.method, r.path)
		}
		for _, parameter := range parameters {
			if known[parameter] == nil || len(parameters) > maxParameters {
				t.Errorf("%s %s has another parameter than the router knows", r.method, r.path)
			}
		}
		want := ResourceNone
		switch {
		case r.path == "/ui/flow_runs/history", r.path == "/ui/flows/next-runs":
			want = ResourceFlowRuns
		case r.path == "/ui/flows/count-deployments":
			want = ResourceRegisteredFlows
		case listsNothing(r.path):
			// responds without any data
		case showsRuns(r.path):
			want = ResourceTaskRuns
		case strings.Contains(r.path, "/concurrency_limits/"):
			want = ResourceConcurrencyLimits
		case strings.HasPrefix(r.path, "/flows/"):
			want = ResourceRegisteredFlows
		case strings.HasPrefix(r.path, "/flow_run"):
			want = ResourceFlowRuns
		}
		kind, _, _ := strings.Cut(string(r.resource), "/")
		if Resource(kind) != want || (r.verb == VerbNone) != (want == ResourceNone) {
			t.Errorf("%s %s is about %q with verb %q, want %q", r.method, r.path, r.resource, r.verb, want)
		}
	}
}

// showsRuns reports whether responses of a route contain data of runs.
func showsRuns(path string) bool {
	return slices.ContainsFunc([]string{"/task_", "/ui/", "/logs/", "/observed-states", "/events"}, func(prefix string) bool {
		return strings.HasPrefix(path, prefix)
	})
}

// The order of routes is Prefect's, with the same results.
func TestRoutes_withNames(t *testing.T) {
	t.Parallel()
	const (
		old = "/concurrency_limits"
		v2  = "/v2/concurrency_limits"

		input = "/flow_runs/" + idKnown + "/input"
	)
	rt := newRouter("/api", table(), absentFrom(true))
	cases := map[string]struct {
		method, path  string
		wantRoute     string // method and path
		wantParameter string
		wantSecond    string
		wantAllow     string
		wantLocation  string
	}{
		"a name":                                 {method: "GET", path: v2 + "/tag:db", wantRoute: "GET " + v2 + "/{id_or_name}", wantParameter: "tag:db"},
		"an escaped name":                        {method: "GET", path: v2 + "/tag%3Aa%20b%C3%A4", wantRoute: "GET " + v2 + "/{id_or_name}", wantParameter: "tag:a bä"},
		"an id":                                  {method: "PATCH", path: v2 + "/" + idKnown, wantRoute: "PATCH " + v2 + "/{id_or_name}", wantParameter: idKnown},
		"a name with an escaped slash":           {method: "DELETE", path: old + "/tag/a%2Fb", wantRoute: "DELETE " + old + "/tag/{tag}", wantParameter: "a/b"},
		"a name like a fixed segment":            {method: "DELETE", path: old + "/tag/a%2freset", wantRoute: "DELETE " + old + "/tag/{tag}", wantParameter: "a/reset"},
		"a longer name with that prefix":         {method: "POST", path: old + "/tag/a%2Fb/reset", wantRoute: "POST " + old + "/tag/{tag}/reset", wantParameter: "a/b"},
		"invalid UTF-8":                          {method: "GET", path: old + "/tag/%FF", wantRoute: "GET " + old + "/tag/{tag}", wantParameter: "\ufffd"},
		"the tag named reset":                    {method: "GET", path: old + "/tag/reset", wantRoute: "GET " + old + "/tag/{tag}", wantParameter: "reset"},
		"POST to a fixed segment":                {method: "POST", path: v2 + "/filter", wantRoute: "POST " + v2 + "/filter"},
		"GET of a fixed segment as a name":       {method: "GET", path: v2 + "/filter", wantRoute: "GET " + v2 + "/{id_or_name}", wantParameter: "filter"},
		"PUT of a fixed segment":                 {method: "PUT", path: v2 + "/filter", wantAllow: "GET"},
		"the older routes accept only ids":       {method: "GET", path: old + "/filter", wantAllow: "POST"},
		"putting a tag":                          {method: "PUT", path: old + "/tag/a", wantAllow: "GET"},
		"a lease that is not an id":              {method: "POST", path: v2 + "/leases/x/renew", wantRoute: "POST " + v2 + "/leases/{lease_id}/renew", wantParameter: "x"},
		"a name in an older route":               {method: "GET", path: old + "/tag:db"},
		"an empty name":                          {method: "GET", path: old + "/tag/"},
		"two segments":                           {method: "GET", path: v2 + "/a/b"},
		"an id with a slash":                     {method: "GET", path: old + "/" + idKnown + "%2Fx"},
		"an escaped slash before an id":          {method: "GET", path: "/task_runs%2F" + idKnown, wantRoute: "GET /task_runs/{id}", wantParameter: idKnown},
		"a slash after a name":                   {method: "GET", path: v2 + "/a/", wantLocation: v2 + "/a"},
		"a slash after a name with one":          {method: "GET", path: old + "/tag/a%2Fb/?x=1", wantLocation: old + "/tag/a%2Fb?x=1"},
		"a missing slash":                        {method: "POST", path: v2, wantLocation: v2 + "/"},
		"the name of a flow":                     {method: "GET", path: "/flows/name/a%20%23%3F%2Fb", wantRoute: "GET /flows/name/{name}", wantParameter: "a #?/b"},
		"no flow has the id name":                {method: "GET", path: "/flows/name"},
		"two parameters":                         {method: "GET", path: input + "/a-1", wantRoute: "GET /flow_runs/{id}/input/{key}", wantParameter: idKnown, wantSecond: "a-1"},
		"another spelling of the first":          {method: "DELETE", path: strings.ToUpper(idKnown) + "/input/a", wantRoute: ""},
		"the second with a slash":                {method: "GET", path: input + "/a%2Fb", wantRoute: "GET /flow_runs/{id}/input/{key}", wantParameter: idKnown, wantSecond: "a/b"},
		"the second is a word of another method": {method: "GET", path: input + "/filter", wantRoute: "GET /flow_runs/{id}/input/{key}", wantParameter: idKnown, wantSecond: "filter"},
		"the word of its own method":             {method: "POST", path: input + "/filter", wantRoute: "POST /flow_runs/{id}/input/filter", wantParameter: idKnown},
		"the first is not an id":                 {method: "GET", path: "/flow_runs/x/input/a"},
		"no second":                              {method: "GET", path: input + "/", wantLocation: input},
		"more after the second":                  {method: "GET", path: input + "/a/b"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), tc.method, "http://example.test/api"+tc.path, http.NoBody)
			route, values, err := rt.find(r, target{base: "/api"})
			var (
				method   *methodError
				redirect *redirectError
			)
			switch {
			case tc.wantAllow != "":
				if !errors.As(err, &method) || method.allow != tc.wantAllow {
					t.Errorf("error = %v, want that %s is allowed", err, tc.wantAllow)
				}
			case tc.wantLocation != "":
				const asked = "http://example.test/api"
				if !errors.As(err, &redirect) || resolved(t, asked+tc.path, redirect.location) != asked+tc.wantLocation {
					t.Errorf("error = %v, want a redirection to %s", err, tc.wantLocation)
				}
			case tc.wantRoute == "":
				if !errors.Is(err, errNoRoute) {
					t.Errorf("error = %v, want no route", err)
				}
			case err != nil || route.method+" "+route.path != tc.wantRoute || values != pathValues{tc.wantParameter, tc.wantSecond}:
				t.Errorf("route = %+v of %q, error %v, want %s of %q and %q", route, values, err, tc.wantRoute, tc.wantParameter, tc.wantSecond)
			}
		})
	}
}

func TestRoutes_ofLimitsNeedLimits(t *testing.T) {
	t.Parallel()
	w := newFixture(t).ask(t, http.MethodPost, "/v2/concurrency_limits/filter", "{}")
	if w.Code != http.StatusNotFound {
		t.Errorf("status = %d, want 404", w.Code)
	}
}

func TestRoutes_idOrNameOfALimit(t *testing.T) {
	t.Parallel()
	digits := strings.ReplaceAll(idKnown, "-", "")
	cases := map[string]concurrency.Key{
		idKnown:                       {ID: idKnown},
		strings.ToUpper(idKnown):      {ID: idKnown},
		digits:                        {ID: idKnown},
		"{" + idKnown + "}":           {ID: idKnown},
		"urn:uuid:" + idKnown:         {ID: idKnown},
		digits[:3] + "-" + digits[3:]: {ID: idKnown},
		digits[1:]:                    {Name: digits[1:]},
		"g" + digits[1:]:              {Name: "g" + digits[1:]},
		"tag:a":                       {Name: "tag:a"},
	}
	for text, want := range cases {
		if got := wire.LimitKey(text); got != want {
			t.Errorf("limitKey(%q) = %+v, want %+v", text, got, want)
		}
	}
}
