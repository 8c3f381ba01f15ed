package rest

import (
	"net/http"
	"strings"
	"testing"
)

func TestPathsThatAreNoRouteAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	cases := map[string]struct{ method, path string }{
		"an unknown word":                      {http.MethodGet, "/nope"},
		"the root":                             {http.MethodGet, "/"},
		"a prefix of a path":                   {http.MethodGet, "/task_run"},
		"an id that is none":                   {http.MethodGet, "/task_runs/nope"},
		"an id one digit short":                {http.MethodGet, "/task_runs/" + idKnown[1:]},
		"an id one digit long":                 {http.MethodGet, "/task_runs/" + idKnown + "0"},
		"an id with a letter that is no digit": {http.MethodGet, "/task_runs/g" + idKnown[1:]},
		"an id with a hyphen at a wrong place": {http.MethodGet, "/task_runs/0198a1b20-000-7000-8000-00000000000a"},
		"an id in braces":                      {http.MethodGet, "/task_runs/%7B" + idKnown + "%7D"},
		"an id with urn":                       {http.MethodGet, "/task_runs/urn:uuid:" + idKnown},
		"more after an id":                     {http.MethodGet, "/task_runs/" + idKnown + "/more"},
		"more after a verb":                    {http.MethodPost, "/task_runs/" + idKnown + "/set_state/x"},
		"a verb that does not exist":           {http.MethodPost, "/task_runs/bulk_delete"},
		"a slash too many at the front":        {http.MethodGet, "//health"},
		"a slash too many where one belongs":   {http.MethodGet, "/task_runs//"},
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

func TestSpellingsOfAnIDInAPath(t *testing.T) {
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
			if got := member(t, f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+id, ""), "id"); got != `"`+idKnown+`"` {
				t.Errorf("id = %s, want %s", got, idKnown)
			}
		})
	}
}

func TestWrongMethodIsToldTheFirstRightOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	cases := map[string]struct{ method, path, allow string }{
		"reading the collection":         {http.MethodGet, "/task_runs/", "POST"},
		"deleting the collection":        {http.MethodDelete, "/task_runs/", "POST"},
		"putting a run":                  {http.MethodPut, "/task_runs/" + idKnown, "PATCH"},
		"posting a run":                  {http.MethodPost, "/task_runs/" + idKnown, "PATCH"},
		"a method nobody knows":          {"BREW", "/task_runs/" + idKnown, "PATCH"},
		"reading a filter":               {http.MethodGet, "/task_runs/filter", "POST"},
		"reading a count":                {http.MethodGet, "/task_runs/count", "POST"},
		"reading a proposal":             {http.MethodGet, "/task_runs/" + idKnown + "/set_state", "POST"},
		"posting states":                 {http.MethodPost, "/task_run_states/", "GET"},
		"deleting a state":               {http.MethodDelete, "/task_run_states/" + idKnown, "GET"},
		"only the head of a run":         {http.MethodHead, "/task_runs/" + idKnown, "PATCH"},
		"only the head of health":        {http.MethodHead, "/health", "GET"},
		"options without an origin":      {http.MethodOptions, "/health", "GET"},
		"posting to the version":         {http.MethodPost, "/admin/version", "GET"},
		"deleting the token that is not": {http.MethodDelete, "/csrf-token", "GET"},
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

func TestSlashTooManyOrTooFewIsRedirected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const base = "http://example.test/api"
	cases := map[string]struct{ method, path, want string }{
		"a run":                    {http.MethodGet, "/task_runs/" + idKnown + "/", base + "/task_runs/" + idKnown},
		"a query is kept":          {http.MethodGet, "/task_runs/" + idKnown + "/?a=b", base + "/task_runs/" + idKnown + "?a=b"},
		"a collection":             {http.MethodPost, "/task_runs", base + "/task_runs/"},
		"a verb":                   {http.MethodPost, "/task_runs/filter/", base + "/task_runs/filter"},
		"states and their query":   {http.MethodGet, "/task_run_states?task_run_id=1", base + "/task_run_states/?task_run_id=1"},
		"a token":                  {http.MethodGet, "/csrf-token/?client=abc", base + "/csrf-token?client=abc"},
		"all slashes at the end":   {http.MethodGet, "/health//", base + "/health"},
		"whatever the method says": {http.MethodGet, "/task_runs", base + "/task_runs/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, tc.method, tc.path, "")
			if got := w.Header().Get("Location"); w.Code != http.StatusTemporaryRedirect || got != tc.want || w.Body.Len() > 0 {
				t.Errorf("answer = %d to %q with %q, want 307 to %q with no body", w.Code, got, w.Body, tc.want)
			}
		})
	}
}

func TestRedirectKeepsTheSchemeBehindAProxy(t *testing.T) {
	t.Parallel()
	w := newFixture(t).ask(t, http.MethodPost, "/task_runs", "", "X-Forwarded-Proto", "https")
	if got, want := w.Header().Get("Location"), "https://example.test/api/task_runs/"; got != want {
		t.Errorf("Location = %q, want %q", got, want)
	}
}

func TestNothingIsServedOutsideTheBasePath(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.BasePath = "/prefect/api" })
	if w := f.ask(t, http.MethodGet, "/health", ""); w.Code != http.StatusNotFound {
		t.Errorf("status under another base = %d, want 404", w.Code)
	}
}

func TestEveryRouteIsComplete(t *testing.T) {
	t.Parallel()
	for _, r := range table() {
		if r.summary == "" || (r.handle == nil) == (r.talk == nil) || !strings.HasPrefix(r.path, "/") {
			t.Errorf("%s %s lacks something", r.method, r.path)
		}
		if strings.Contains(r.path, idParameter) != (r.explainGone != nil) {
			t.Errorf("%s %s: what is said of an unknown id and the id do not go together", r.method, r.path)
		}
		if shows := strings.HasPrefix(r.path, "/task_run") || strings.HasPrefix(r.path, "/events"); shows == (r.verb == VerbAnonymous) {
			t.Errorf("%s %s has verb %q", r.method, r.path, r.verb)
		}
	}
}
