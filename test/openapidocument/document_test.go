package openapidocument_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/test/openapidocument"
)

const small = `{
	"openapi": "3.1.1", "info": {"title": "t", "version": "1"},
	"paths": {
		"/things/{id}": {
			"get": {
				"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[a-z]+$"}}],
				"responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}
			}
		},
		"/things/page": {"get": {"responses": {"200": {"description": "OK", "content": {"text/html": {"schema": {"type": "string"}}}}}}},
		"/things/": {
			"post": {
				"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
				"responses": {"204": {"description": "No Content"}, "422": {"description": "Bad"}}
			}
		}
	},
	"components": {"schemas": {"Thing": {
		"type": "object", "required": ["id", "at"], "additionalProperties": false,
		"properties": {"id": {"type": "string", "format": "uuid"}, "at": {"type": ["string", "null"], "format": "date-time"}, "kind": {"const": "a"}}
	}}}
}`

const thing = `{"id":"0198a1b2-0000-7000-8000-00000000000a","at":null,"kind":"a"}`

func TestCheck_reportsDifferences(t *testing.T) {
	t.Parallel()
	document, err := openapidocument.Load(t.Context(), []byte(small), "/api")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GET /things/page", "GET /things/{id}", "POST /things/"}, document.Operations()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	cases := map[string]struct {
		method, path, sent string
		status             int
		mimeType, answer   string
		operation, fault   string // part of the error
	}{
		"a valid response":                     {"GET", "/api/things/a", "", 200, "application/json", thing, "GET /things/{id}", ""},
		"a valid time":                         {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, "null", `"2026-08-21T10:00:00.123456Z"`, 1), "GET /things/{id}", ""},
		"an undocumented status":               {"GET", "/api/things/a", "", 404, "application/json", thing, "GET /things/{id}", "status is not supported"},
		"a missing member":                     {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, `"at":null,`, "", 1), "GET /things/{id}", "at"},
		"an additional member":                 {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, "{", `{"more":1,`, 1), "GET /things/{id}", "more"},
		"another type":                         {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, "null", "1", 1), "GET /things/{id}", "at"},
		"an invalid time":                      {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, "null", `"noon"`, 1), "GET /things/{id}", "date-time"},
		"an id in upper case":                  {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, "0a\"", `0A"`, 1), "GET /things/{id}", "uuid"},
		"another constant":                     {"GET", "/api/things/a", "", 200, "application/json", strings.Replace(thing, `"a"`, `"b"`, 1), "GET /things/{id}", "kind"},
		"an invalid parameter":                 {"GET", "/api/things/A", "", 200, "application/json", thing, "GET /things/{id}", "the request"},
		"a page":                               {"GET", "/api/things/page", "", 200, "text/html; charset=utf-8", "<p>", "GET /things/page", ""},
		"a page of another type":               {"GET", "/api/things/page", "", 200, "text/css", "p {}", "GET /things/page", "text/css"},
		"a valid request":                      {"POST", "/api/things/", thing, 204, "", "", "POST /things/", ""},
		"a byte order mark before it":          {"POST", "/api/things/", "\ufeff" + thing, 204, "", "", "POST /things/", ""},
		"an invalid request":                   {"POST", "/api/things/", "{}", 204, "", "", "POST /things/", "the request"},
		"an invalid request that was rejected": {"POST", "/api/things/", "{}", 422, "", "", "POST /things/", ""},
		"a request that is not JSON":           {"POST", "/api/things/", `{"id":NaN}`, 204, "", "", "POST /things/", ""},
		"an unknown path":                      {"GET", "/api/things/a/b", "", 404, "application/json", "{}", "", ""},
		"another base":                         {"GET", "/things/a", "", 404, "application/json", "{}", "", ""},
		"a wrong method":                       {"DELETE", "/api/things/a", "", 405, "application/json", "{}", "", ""},
		"a redirect":                           {"GET", "/api/things/a", "", 307, "", "", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &openapidocument.Exchange{
				Request: httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, http.NoBody),
				Sent:    []byte(tc.sent), Status: tc.status, Header: http.Header{}, Answer: []byte(tc.answer),
			}
			if tc.mimeType != "" {
				e.Header.Set("Content-Type", tc.mimeType)
			}
			operation, err := document.Check(t.Context(), e)
			if operation != tc.operation {
				t.Errorf("operation = %q, want %q", operation, tc.operation)
			}
			switch {
			case tc.fault == "" && err != nil:
				t.Errorf("error = %v, want none", err)
			case tc.fault != "" && (err == nil || !strings.Contains(err.Error(), tc.fault)):
				t.Errorf("error = %v, want one with %q", err, tc.fault)
			}
		})
	}
}

func TestLoad_rejectsInvalidDocuments(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not JSON":                         "{",
		"a reference to an unknown name":   strings.ReplaceAll(small, `"Thing": {`, `"Other": {`),
		"a path without its parameter":     strings.ReplaceAll(small, `"/things/{id}"`, `"/things/{other}"`),
		"a response without a description": strings.ReplaceAll(small, `"description": "No Content"`, `"x-y": ""`),
		"an operation without responses":   strings.ReplaceAll(small, `"204": {"description": "No Content"}, "422": {"description": "Bad"}`, ""),
	} {
		if _, err := openapidocument.Load(t.Context(), []byte(text), "/api"); err == nil {
			t.Errorf("%s: error = nil, want one", name)
		}
	}
}

func TestWatch_handlerRespondsAsBefore(t *testing.T) {
	t.Parallel()
	document, err := openapidocument.Load(t.Context(), []byte(small), "/api")
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	handler := document.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Length", strings.Repeat("x", len(sent)))
		w.WriteHeader(http.StatusUnprocessableEntity)
	}), func(_ *openapidocument.Exchange, operation string, err error) {
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, operation)
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/things/", strings.NewReader("[]")))
	if w.Code != http.StatusUnprocessableEntity || w.Header().Get("X-Length") != "xx" {
		t.Errorf("answer = %d with %v, want 422 and what was sent", w.Code, w.Header())
	}
	if diff := cmp.Diff([]string{"POST /things/"}, seen); diff != "" {
		t.Errorf("exchanges (-want +got):\n%s", diff)
	}
}
