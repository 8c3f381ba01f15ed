package rest

import (
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/apidocs"
)

// operation is the description of a route in the document.
type operation struct {
	RequestBody *struct {
		Required bool
		Content  map[string]struct{ Example json.RawMessage }
	}
	Responses map[string]struct {
		Content map[string]struct {
			Schema struct {
				Ref   string `json:"$ref"`
				Items *struct {
					Ref string `json:"$ref"`
				}
			}
		}
	}
}

// schemas returns the schema of each response, by status.
func (o *operation) schemas() map[string]string {
	schemas := map[string]string{}
	for status, response := range o.Responses {
		schemas[status] = ""
		for _, content := range response.Content {
			schemas[status] = path.Base(content.Schema.Ref)
			if content.Schema.Items != nil {
				schemas[status] = "[" + path.Base(content.Schema.Items.Ref) + "]"
			}
		}
	}
	return schemas
}

// operations returns the operations of the document of all routes, by method
// and path.
func operations(t *testing.T) map[string]*operation {
	t.Helper()
	f := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} })
	text, err := f.server.document.JSON("/api")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]map[string]*operation
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	found := map[string]*operation{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			found[strings.ToUpper(method)+" "+path] = o
		}
	}
	return found
}

func TestOpenAPI_everyRouteIsDescribed(t *testing.T) {
	t.Parallel()
	described := operations(t)
	var served []string
	for _, r := range table() {
		if r.serve != nil {
			continue // OpenAPI cannot describe websockets
		}
		served = append(served, r.method+" "+r.path)
		if o := described[r.method+" "+r.path]; o != nil && (o.RequestBody != nil) != r.body {
			t.Errorf("%s %s: the route and its description do not agree that there is a body", r.method, r.path)
		}
	}
	slices.Sort(served)
	if diff := cmp.Diff(served, slices.Sorted(maps.Keys(described))); diff != "" {
		t.Errorf("operations of the document (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(served, apidocs.Described()); diff != "" {
		t.Errorf("descriptions (-want +got):\n%s", diff)
	}
}

func TestOpenAPI_hasTheServedRoutes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change change
		server string
		limits bool
		flows  bool
	}{
		"without limits":   {func(*Options, *Dependencies) {}, "/api", false, true},
		"without flows":    {withoutFlows, "/api", false, false},
		"with limits":      {func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{} }, "/api", true, true},
		"with no base":     {func(o *Options, _ *Dependencies) { o.BasePath = "" }, "/", false, true},
		"with a long base": {func(o *Options, _ *Dependencies) { o.BasePath = "/a/b" }, "/a/b", false, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, tc.change)
			text, err := f.server.document.JSON(f.server.options.BasePath)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Servers []struct{ URL string }
				Paths   map[string]any
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Servers) != 1 || got.Servers[0].URL != tc.server {
				t.Errorf("servers = %v, want %s", got.Servers, tc.server)
			}
			if _, limits := got.Paths["/v2/concurrency_limits/"]; limits != tc.limits {
				t.Errorf("limits are in the document: %t, want %t", limits, tc.limits)
			}
			if _, flows := got.Paths["/flow_runs/{id}"]; flows != tc.flows {
				t.Errorf("flow runs are in the document: %t, want %t", flows, tc.flows)
			}
			if _, runs := got.Paths["/task_runs/{id}"]; !runs {
				t.Error("runs are not in the document")
			}
		})
	}
}

// The page sends the examples by default. Each example conforms to the
// document, which the request checks, and is accepted. Where the document
// allows no body, a request without one is accepted.
func TestOpenAPI_examplesAreAccepted(t *testing.T) {
	t.Parallel()
	described := operations(t)
	for _, r := range table() {
		if !r.body {
			continue
		}
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(_ *Options, d *Dependencies) { d.Limits = &askedLimits{name: "tag:database"} })
			f.create(t)
			f.createFlows(t)
			body := described[r.method+" "+r.path].RequestBody
			bodies := map[string]bool{string(body.Content[typeJSON].Example): true, "null": !body.Required, "": !body.Required}
			path := anyParameter.ReplaceAllString(r.path, idKnown)
			for body, taken := range bodies {
				if w := f.ask(t, r.method, path, body); taken != (w.Code < http.StatusMultipleChoices) {
					t.Errorf("status for the body %q = %d, want it taken: %t: %s", body, w.Code, taken, w.Body)
				}
			}
		})
	}
}

// The document also describes responses that no test causes.
func TestOpenAPI_describesAllResponsesOfARoute(t *testing.T) {
	t.Parallel()
	cases := map[string]map[string]string{
		"GET /health":           {"200": "True"},
		"GET /csrf-token":       {"200": "CsrfToken", "400": "Detail", "401": "Refused", "422": "Unprocessable", "503": "Message"},
		"GET /task_runs/{id}":   {"200": "TaskRun", "400": "Detail", "401": "Refused", "403": "Forbidden", "404": "NotFound", "500": "Message", "503": "Message"},
		"GET /task_run_states/": {"200": "[State]", "400": "Detail", "401": "Refused", "403": "Forbidden", "422": "Invalid", "500": "Message", "503": "Message"},
		"POST /task_runs/":      {"200": "TaskRun", "201": "TaskRun", "400": "Detail", "401": "Refused", "403": "Forbidden", "404": "Detail", "408": "Detail", "409": "Detail", "413": "Detail", "415": "Detail", "422": "Invalid", "500": "Message", "503": "Message"},
		"POST /flow_runs/{id}/input": {
			"201": "Null", "400": "Detail", "401": "Refused", "403": "Forbidden", "404": "NotFound", "408": "Detail", "409": "Detail", "413": "Detail", "415": "Detail", "422": "Invalid", "500": "Message", "503": "Message",
		},
		"DELETE /task_runs/{id}": {"204": "", "400": "Detail", "401": "Refused", "403": "Forbidden", "404": "NotFound", "500": "Message", "503": "Message"},
		"POST /concurrency_limits/increment": {
			"200": "[MinimalConcurrencyLimitResponse]", "400": "Detail", "401": "Refused", "403": "Forbidden", "408": "Detail", "413": "Detail", "415": "Detail", "422": "Invalid", "423": "Detail", "500": "Message", "503": "Message",
		},
	}
	described := operations(t)
	for key, want := range cases {
		o := described[key]
		if o == nil {
			t.Errorf("there is no route %s", key)
			continue
		}
		if diff := cmp.Diff(want, o.schemas()); diff != "" {
			t.Errorf("responses of %s (-want +got):\n%s", key, diff)
		}
	}
}
