package rest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestBody_contentTypes(t *testing.T) {
	t.Parallel()
	const body = `{"task_key":"k","dynamic_key":"d"}`
	cases := map[string]struct {
		kind string
		json bool
	}{
		"none":                  {"", true},
		"JSON":                  {"application/json", true},
		"JSON with a charset":   {"application/json; charset=utf-8", true},
		"JSON in upper case":    {"APPLICATION/JSON", true},
		"JSON by its suffix":    {"application/vnd.api+json", true},
		"an invalid parameter":  {"application/json; charset", true},
		"text":                  {"text/plain", false},
		"JSON as the main type": {"text/json", false},
		"a form":                {"application/x-www-form-urlencoded", false},
		"an invalid type":       {"nonsense", false},
		"only a slash":          {"/", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := f.ask(t, http.MethodPost, "/task_runs/", body, "Content-Type", tc.kind)
			if tc.json {
				if w.Code != http.StatusCreated {
					t.Errorf("answer = %d %s, want the run made", w.Code, w.Body)
				}
				return
			}
			got, want := sample.Member(t, w.Body.String(), "request_body"), string(pyjson.AppendText(nil, body))
			if w.Code != http.StatusUnprocessableEntity || got != want {
				t.Errorf("answer = %d %s, want 422 with the text of the body", w.Code, w.Body)
			}
		})
	}
}

func TestBody_thatIsNotJSONIsRejected(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"broken": `{"task_key":`, "blank": " \n", "two values": `{}{}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := f.ask(t, http.MethodPost, "/task_runs/", body, headerAPIVersion, "0.1.0")
			got := w.Body.String()
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(got, `"type":"json_invalid","loc":["body",`) {
				t.Errorf("answer = %d %s, want 422 json_invalid, whatever the API version", w.Code, got)
			}
			if got := sample.Member(t, got, "request_body"); got != string(pyjson.AppendText(nil, body)) {
				t.Errorf("request_body = %s, want the text %q", got, body)
			}
		})
	}
}

func TestBody_emptyIsAcceptedWithoutRequiredFields(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, want := range map[string]string{"/task_runs/filter": "[]", "/task_runs/count": "0"} {
		if got := f.must(t, http.StatusOK, http.MethodPost, path, ""); got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
	f.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/task_runs/", "")
}

func TestBody_isIgnoredOnRoutesWithoutOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, "{")
	f.must(t, http.StatusNoContent, http.MethodDelete, "/task_runs/"+idKnown, "{")
}

func TestBody_tooLargeIsRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.MaxBodyBytes = 100 })
	body := `{"task_key":"k","dynamic_key":"` + strings.Repeat("d", 67) + `"}`
	if len(body) != 100 {
		t.Fatalf("the body has %d bytes, want 100", len(body))
	}
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/", body)
	const want = `{"detail":"Request body is too large: it may have at most 100 bytes."}`
	if got := f.must(t, http.StatusRequestEntityTooLarge, http.MethodPost, "/task_runs/", body+" "); got != want {
		t.Errorf("body = %s, want %s", got, want)
	}
}

func TestAPIVersion_acceptedVersions(t *testing.T) {
	t.Parallel()
	const (
		tooOld    = "The request specified API version %s but this server requires version 0.8.0 or higher."
		malformed = "Invalid X-PREFECT-API-VERSION header format.Expected header in format 'x.y.z' but received %s"
	)
	for version, want := range map[string]string{
		"": "", "0.8.0": "", "0.8.4": "", "0.9.0": "", "1.0.0": "", "99999999999999999999.0.0": "",
		"0.7.9": tooOld, "0.0.0": tooOld, "0.8.-1": tooOld, "-1.9.9": tooOld,
		"0.8": malformed, "0.8.4.1": malformed, "x.y.z": malformed, "3": malformed, "v0.8.4": malformed, "0.8.4-beta": malformed, "..": malformed,
	} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			w := f.ask(t, http.MethodGet, "/ready", "", headerAPIVersion, version)
			if want == "" {
				if w.Code != http.StatusOK {
					t.Errorf("answer = %d %s, want 200", w.Code, w.Body)
				}
				return
			}
			want := `{"detail":"` + strings.Replace(want, "%s", version, 1) + `"}`
			if w.Code != http.StatusBadRequest || w.Body.String() != want {
				t.Errorf("answer = %d %s, want 400 %s", w.Code, w.Body, want)
			}
		})
	}
}

func TestAPIVersion_isCheckedBeforeOtherErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for path, want := range map[string]int{
		"/health": http.StatusOK, "/version": http.StatusOK, "/hello": http.StatusBadRequest, "/admin/version": http.StatusBadRequest,
		"/csrf-token": http.StatusBadRequest, "/task_runs/" + idUnknown: http.StatusBadRequest, "/nope": http.StatusNotFound,
		"/task_run_states/": http.StatusBadRequest,
	} {
		if w := f.ask(t, http.MethodGet, path, "", headerAPIVersion, "0.1.0"); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	if w := f.ask(t, http.MethodPost, "/task_runs/", "{}", headerAPIVersion, "0.1.0"); w.Code != http.StatusBadRequest {
		t.Errorf("a body with faults: status %d, want 400", w.Code)
	}
}
