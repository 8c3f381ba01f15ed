package rest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func protected(keyFile string) change {
	return func(o *Options, _ *Dependencies) { o.CSRFProtection, o.CSRFKeyFile = true, keyFile }
}

// tokenOf requests a token as a client does.
func tokenOf(t *testing.T, f *fixture, client string) string {
	t.Helper()
	answer := f.must(t, http.StatusOK, http.MethodGet, "/csrf-token?client="+client, "")
	return strings.Trim(sample.Member(t, answer, "token"), `"`)
}

func TestCSRF_requestsThatChangeDataNeedAToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, protected(""))
	token := tokenOf(t, f, "abc")
	forged := strings.Repeat("f", len(token))
	const unknown = "/task_runs/" + idUnknown
	const (
		noToken  = `{"detail":"Missing CSRF token."}`
		noClient = `{"detail":"Missing client identifier."}`
		badToken = `{"detail":"Invalid CSRF token or client identifier."}`
	)
	cases := map[string]struct {
		method, path string
		header       []string
		status       int
		body         string
	}{
		"reading needs no token":                      {http.MethodGet, "/health", nil, http.StatusOK, "true"},
		"posting needs a token":                       {http.MethodPost, "/task_runs/count", nil, http.StatusForbidden, noToken},
		"patching needs a token":                      {http.MethodPatch, unknown, nil, http.StatusForbidden, noToken},
		"deleting needs a token":                      {http.MethodDelete, unknown, nil, http.StatusForbidden, noToken},
		"putting an unknown path needs a token":       {http.MethodPut, "/nowhere", nil, http.StatusForbidden, noToken},
		"a token without its client":                  {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, token}, http.StatusForbidden, noClient},
		"a client without a token":                    {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderClient, "abc"}, http.StatusForbidden, noToken},
		"a token with its client":                     {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, token, crossorigin.HeaderClient, "abc"}, http.StatusOK, "0"},
		"a token with its client and an invalid body": {http.MethodDelete, unknown, []string{crossorigin.HeaderToken, token, crossorigin.HeaderClient, "abc"}, http.StatusNotFound, "Task not found"},
		"a token of another client":                   {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, token, crossorigin.HeaderClient, "abd"}, http.StatusForbidden, badToken},
		"a token of an empty client":                  {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, token, crossorigin.HeaderClient, ""}, http.StatusForbidden, badToken},
		"an invalid signature":                        {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, forged, crossorigin.HeaderClient, "abc"}, http.StatusForbidden, badToken},
		"a token with another time":                   {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, "7fff" + token[4:], crossorigin.HeaderClient, "abc"}, http.StatusForbidden, badToken},
		"a part of a token":                           {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, token[:32], crossorigin.HeaderClient, "abc"}, http.StatusForbidden, badToken},
		"an empty token":                              {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, "", crossorigin.HeaderClient, "abc"}, http.StatusForbidden, badToken},
		"a token with an invalid number":              {http.MethodPost, "/task_runs/count", []string{crossorigin.HeaderToken, strings.Repeat("x", 64), crossorigin.HeaderClient, "abc"}, http.StatusForbidden, badToken},
		"the token is checked before a redirect":      {http.MethodPost, "/task_runs", nil, http.StatusForbidden, noToken},
		"the token is checked before the body":        {http.MethodPost, "/task_runs/", nil, http.StatusForbidden, noToken},
		"a preflight needs no token":                  {http.MethodOptions, "/task_runs/", []string{"Origin", "http://example.test", "Access-Control-Request-Method", "POST"}, http.StatusOK, "OK"},
		"a request for a token without a client":      {http.MethodGet, "/csrf-token", nil, http.StatusUnprocessableEntity, `"loc":["query","client"]`},
		"a request for a token needs no token":        {http.MethodGet, "/csrf-token?client=", nil, http.StatusOK, `"client":""`},
		"the OpenAPI document needs no token":         {http.MethodGet, "/openapi.json", nil, http.StatusOK, `"openapi":"3.1.1"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, tc.method, tc.path, "", tc.header...)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) {
				t.Errorf("answer = %d %s, want %d with %q", w.Code, w.Body, tc.status, tc.body)
			}
		})
	}
}

func TestCSRF_tokenResponseHasClientAndExpiration(t *testing.T) {
	t.Parallel()
	f := newFixture(t, protected(""))
	answer := f.must(t, http.StatusOK, http.MethodGet, "/csrf-token?client=a%22b", "")
	for key, want := range map[string]string{
		"client": `"a\"b"`, "created": `"2026-08-21T12:00:00Z"`, "updated": `"2026-08-21T12:00:00Z"`, "expiration": `"2026-08-21T13:00:00Z"`,
	} {
		if got := sample.Member(t, answer, key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	token, id := strings.Trim(sample.Member(t, answer, "token"), `"`), strings.Trim(sample.Member(t, answer, "id"), `"`)
	if len(token) != 64 || strings.Trim(token, "0123456789abcdef") != "" {
		t.Errorf("token %q, want 64 hexadecimal digits", token)
	}
	if parsed, ok := wire.PathID(id); !ok || parsed != id {
		t.Errorf("id %q is no UUID", id)
	}
}

func TestCSRF_tokenExpiresAfterAnHour(t *testing.T) {
	t.Parallel()
	f := newFixture(t, protected(""))
	header := []string{crossorigin.HeaderToken, tokenOf(t, f, "abc"), crossorigin.HeaderClient, "abc"}
	f.clock.Step(time.Hour - time.Microsecond)
	if w := f.ask(t, http.MethodPost, "/task_runs/count", "", header...); w.Code != http.StatusOK {
		t.Errorf("just before: %d %s, want 200", w.Code, w.Body)
	}
	f.clock.Step(time.Microsecond)
	if w := f.ask(t, http.MethodPost, "/task_runs/count", "", header...); w.Code != http.StatusForbidden {
		t.Errorf("just after: %d %s, want 403", w.Code, w.Body)
	}
}

func TestCSRF_replicasWithTheSameKeyAcceptEachOthersTokens(t *testing.T) {
	t.Parallel()
	file := func(key string) string {
		name := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(name, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	one, same, other := strings.Repeat("k", 32), strings.Repeat("k", 32), strings.Repeat("k", 31)+"l"
	header := []string{crossorigin.HeaderToken, tokenOf(t, newFixture(t, protected(file(one))), "abc"), crossorigin.HeaderClient, "abc"}
	for name, tc := range map[string]struct {
		keyFile string
		status  int
	}{
		"the same key":                     {file(same), http.StatusOK},
		"another key":                      {file(other), http.StatusForbidden},
		"a random key":                     {"", http.StatusForbidden},
		"another key with the same prefix": {file(one + "\n"), http.StatusForbidden},
	} {
		if w := newFixture(t, protected(tc.keyFile)).ask(t, http.MethodPost, "/task_runs/count", "", header...); w.Code != tc.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, tc.status)
		}
	}
	short, long := file(strings.Repeat("k", 31)), file(strings.Repeat("k", 4097))
	for _, keyFile := range []string{short, long, filepath.Join(t.TempDir(), "nothing")} {
		o := DefaultOptions()
		o.CSRFProtection, o.CSRFKeyFile = true, keyFile
		if _, err := New(o, Dependencies{}); err == nil || !strings.Contains(err.Error(), "--rest-csrf-key-file") {
			t.Errorf("%s: error %v, want one that names the flag", keyFile, err)
		}
	}
}
