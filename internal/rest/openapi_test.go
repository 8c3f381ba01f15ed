package rest

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	withLimits := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} })
	var served []string
	for _, r := range table() {
		if r.talk != nil {
			continue // OpenAPI has no words for websockets
		}
		served = append(served, r.method+" "+r.path)
		if doc := routeDocs[r.method+" "+r.path]; (doc.body != "") != r.body {
			t.Errorf("%s %s: the route and its description do not agree that there is a body", r.method, r.path)
		}
	}
	slices.Sort(served)
	if diff := cmp.Diff(served, withLimits.document(t).Operations()); diff != "" {
		t.Errorf("operations of the document (-want +got):\n%s", diff)
	}
	described := slices.Sorted(maps.Keys(routeDocs))
	want := slices.Sorted(slices.Values(served))
	if diff := cmp.Diff(want, described); diff != "" {
		t.Errorf("descriptions (-want +got):\n%s", diff)
	}
}

func TestWhatIsNotDescribedIsNoDocument(t *testing.T) {
	t.Parallel()
	if text, err := documentsOf([]route{{method: http.MethodGet, path: "/nope"}})("/api"); err == nil {
		t.Errorf("document = %s, want an error", text)
	}
}

// The library that reads the document looks at references from routes that are served only.
func TestEveryReferenceIsToAComponent(t *testing.T) {
	t.Parallel()
	var parts map[string]map[string]json.RawMessage
	if err := json.Unmarshal(components, &parts); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"": true}
	used := map[string]bool{}
	for _, found := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllSubmatch(components, -1) {
		used[string(found[1])] = true
	}
	for name := range parts["schemas"] {
		names[name] = true
	}
	word := regexp.MustCompile(`\w*`)
	for route, doc := range routeDocs {
		for _, name := range append(slices.Collect(maps.Values(doc.answers)), doc.body) {
			name := word.FindString(trimList(name))
			used[name] = true
			if !names[name] {
				t.Errorf("%s: there is no schema %q", route, name)
			}
		}
	}
	for _, name := range []string{"Detail", "Message", "Invalid", "NotFound", "Refused", "Forbidden"} { // by rule
		used[name] = true
	}
	for name := range used {
		if !names[name] {
			t.Errorf("there is no schema %q", name)
		}
	}
	for name := range names {
		if !used[name] {
			t.Errorf("the schema %q is of no use", name)
		}
	}
}

// trimList is the name of what a list holds.
func trimList(name string) string {
	if name != "" && name[0] == '[' {
		return name[1 : len(name)-1]
	}
	return name
}

func TestDocumentIsOfTheRoutesThatAreServed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change change
		server string
		limits bool
	}{
		"without limits":   {func(*Options, *Dependencies) {}, "/api", false},
		"with limits":      {func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} }, "/api", true},
		"with no base":     {func(o *Options, _ *Dependencies) { o.BasePath = "" }, "/", false},
		"with a long base": {func(o *Options, _ *Dependencies) { o.BasePath = "/a/b" }, "/a/b", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, tc.change)
			text, err := f.server.document(f.server.options.BasePath)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Servers []documentServer
				Paths   map[string]any
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]documentServer{{tc.server}}, got.Servers); diff != "" {
				t.Errorf("servers (-want +got):\n%s", diff)
			}
			if _, limits := got.Paths["/v2/concurrency_limits/"]; limits != tc.limits {
				t.Errorf("limits are in the document: %t, want %t", limits, tc.limits)
			}
			if _, runs := got.Paths["/task_runs/{id}"]; !runs {
				t.Error("runs are not in the document")
			}
		})
	}
}

// Examples are what the page sends unless it is changed. Sent, they fit the
// document, which asking for them checks, and they are taken; no body at all is
// taken where the document says so.
func TestExamplesAreTaken(t *testing.T) {
	t.Parallel()
	var parts struct {
		Schemas map[string]struct{ Examples []json.RawMessage }
	}
	if err := json.Unmarshal(components, &parts); err != nil {
		t.Fatal(err)
	}
	for _, r := range table() {
		if !r.body {
			continue
		}
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{name: "tag:database"} })
			f.create(t)
			doc := routeDocs[r.method+" "+r.path]
			examples := parts.Schemas[doc.body].Examples
			if len(examples) != 1 {
				t.Fatalf("%d examples, want 1", len(examples))
			}
			path := regexp.MustCompile("{.*}").ReplaceAllString(r.path, idKnown)
			bodies := map[string]bool{string(examples[0]): true, "null": doc.optional, "": doc.optional}
			for body, taken := range bodies {
				if w := f.ask(t, r.method, path, body); taken != (w.Code < http.StatusMultipleChoices) {
					t.Errorf("status for the body %q = %d, want it taken: %t: %s", body, w.Code, taken, w.Body)
				}
			}
		})
	}
}

func TestEveryRequestBodyHasAnExample(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} })
	text, err := f.server.document("/api")
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	bodies := 0
	for path, operations := range d.Paths {
		for method, o := range operations {
			if o.RequestBody == nil {
				continue
			}
			bodies++
			if len(o.RequestBody.Content[typeJSON].Example) == 0 {
				t.Errorf("%s %s has no example of a request", method, path)
			}
		}
	}
	if bodies == 0 {
		t.Error("no route has a body")
	}
}

// Answers that no test of a route brings about are described all the same.
func TestAnswersByRule(t *testing.T) {
	t.Parallel()
	cases := map[string]map[int]string{
		"GET /health":            {200: "True"},
		"GET /csrf-token":        {200: "CsrfToken", 400: "Detail", 401: "Refused", 422: "Unprocessable", 503: "Message"},
		"GET /task_runs/{id}":    {200: "TaskRun", 400: "Detail", 401: "Refused", 403: "Forbidden", 404: "NotFound", 500: "Message", 503: "Message"},
		"GET /task_run_states/":  {200: "[State]", 400: "Detail", 401: "Refused", 403: "Forbidden", 422: "Invalid", 500: "Message", 503: "Message"},
		"POST /task_runs/":       {200: "TaskRun", 201: "TaskRun", 400: "Detail", 401: "Refused", 403: "Forbidden", 404: "Detail", 408: "Detail", 409: "Detail", 413: "Detail", 415: "Detail", 422: "Invalid", 500: "Message", 503: "Message"},
		"DELETE /task_runs/{id}": {204: "", 400: "Detail", 401: "Refused", 403: "Forbidden", 404: "NotFound", 500: "Message", 503: "Message"},
		"POST /concurrency_limits/increment": {
			200: "[MinimalConcurrencyLimitResponse]", 400: "Detail", 401: "Refused", 403: "Forbidden", 408: "Detail", 413: "Detail", 415: "Detail", 422: "Invalid", 423: "Detail", 500: "Message", 503: "Message",
		},
	}
	for _, r := range table() {
		key := r.method + " " + r.path
		want, wanted := cases[key]
		if !wanted {
			continue
		}
		doc := routeDocs[key]
		got := commonAnswers(&r, &doc)
		maps.Copy(got, doc.answers)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answers of %s (-want +got):\n%s", key, diff)
		}
		delete(cases, key)
	}
	for key := range cases {
		t.Errorf("there is no route %s", key)
	}
}
