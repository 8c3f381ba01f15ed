package rest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestNoRoute_everyUnsupportedRouteOfTheDocsHasAnErrorText(t *testing.T) {
	t.Parallel()
	for _, line := range absent {
		_, path, _ := strings.Cut(line[0], " ")
		if absentPart(absentFrom(false), strings.ReplaceAll(path, idParameter, idKnown)) == "" {
			t.Errorf("%s has the response of any unknown path", line[0])
		}
	}
	for _, r := range table() {
		if path := strings.ReplaceAll(r.path, idParameter, idKnown); absentParts[path] != "" && !listsNothing(path) {
			t.Errorf("%s is served and is said to be absent", r.path)
		}
	}
}

// listsNothing reports whether a route lists objects that the operator does not keep.
func listsNothing(path string) bool {
	return slices.ContainsFunc(emptyLists, func(l emptyList) bool { return l.path == path })
}

func TestEmptyLists(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, list := range emptyLists {
		if got := f.ask(t, http.MethodPost, list.path, `{"limit":10,"offset":0,"sort":"NAME_ASC"}`); got.Code != http.StatusOK || got.Body.String() != list.response {
			t.Errorf("%s: %d %s, want %s", list.path, got.Code, got.Body, list.response)
		}
		if got := f.ask(t, http.MethodPost, list.path, `{"limit":201}`); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s with a limit of 201: %d, want 422", list.path, got.Code)
		}
	}
	const want = `{"results":[],"count":0,"limit":5,"pages":0,"page":1}`
	if got := f.ask(t, http.MethodPost, "/deployments/paginate", `{"limit":5}`); got.Code != http.StatusOK || got.Body.String() != want {
		t.Errorf("deployments: %d %s, want %s", got.Code, got.Body, want)
	}
}

func TestNoRoute_errorNamesThePartOfPrefect(t *testing.T) {
	t.Parallel()
	const notFound = `{"detail":"Not Found"}`
	cases := map[string]struct{ method, path, want string }{
		"creating a flow":                 {http.MethodPost, "/api/flows/", "does not keep flows. "},
		"creating a flow without a slash": {http.MethodPost, "/api/flows", "does not keep flows. "},
		"creating a flow run":             {http.MethodPost, "/api/flow_runs/", "does not keep flow runs. "},
		"reading a flow run":              {http.MethodGet, "/api/flow_runs/" + idFlowRun, "does not keep flow runs. "},
		"a long path below flow runs":     {http.MethodPost, "/api/flow_runs/" + idFlowRun + "/set_state", "does not keep flow runs. "},
		"a deployment by its name":        {http.MethodGet, "/api/deployments/name/a/b", "does not keep deployments. "},
		"numbers of past events":          {http.MethodPost, "/api/events/count-by/day", "does not keep stored events. "},
		"a variable":                      {http.MethodPost, "/api/variables/", "does not keep variables. "},
		"in another namespace":            {http.MethodPost, "/namespaces/default/api/flows/", "does not keep flows. "},
		"the page of a run":               {http.MethodGet, "/runs/task-run/" + idKnown, "kubectl taskrun describe"},
		"an unknown path":                 {http.MethodGet, "/api/nothing", notFound},
		"a path with a known prefix":      {http.MethodGet, "/api/flowsandmore", notFound},
		"outside the base":                {http.MethodGet, "/flows/", notFound},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, withoutFlows)
			w := f.send(t, tc.method, "http://example.test"+tc.path, "{}")
			if body := w.Body.String(); w.Code != http.StatusNotFound || !strings.Contains(body, tc.want) {
				t.Errorf("status %d, body %s, want 404 and %q", w.Code, body, tc.want)
			}
		})
	}
}
