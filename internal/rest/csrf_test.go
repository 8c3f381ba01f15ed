package rest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

func protected(keyFile string) change {
	return func(o *Options, _ *Dependencies) { o.CSRFProtection, o.CSRFKeyFile = true, keyFile }
}

// tokenOf gets a token as a client does.
func tokenOf(t *testing.T, f *fixture, client string) string {
	t.Helper()
	answer := f.must(t, http.StatusOK, http.MethodGet, "/csrf-token?client="+client, "")
	return strings.Trim(member(t, answer, "token"), `"`)
}

func TestTokensAreAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, protected(""))
	token := tokenOf(t, f, "abc")
	forged := strings.Repeat("f", len(token))
	const unknown = "/task_runs/" + idUnknown
	cases := map[string]struct {
		method, path string
		header       []string
		status       int
		body         string
	}{
		"reading needs none":                   {http.MethodGet, "/health", nil, http.StatusOK, "true"},
		"posting needs one":                    {http.MethodPost, "/task_runs/count", nil, http.StatusForbidden, textNoToken},
		"patching needs one":                   {http.MethodPatch, unknown, nil, http.StatusForbidden, textNoToken},
		"deleting needs one":                   {http.MethodDelete, unknown, nil, http.StatusForbidden, textNoToken},
		"putting what is not there needs one":  {http.MethodPut, "/nowhere", nil, http.StatusForbidden, textNoToken},
		"and whose it is":                      {http.MethodPost, "/task_runs/count", []string{headerToken, token}, http.StatusForbidden, textNoClient},
		"a client alone does not help":         {http.MethodPost, "/task_runs/count", []string{headerClient, "abc"}, http.StatusForbidden, textNoToken},
		"with both it is answered":             {http.MethodPost, "/task_runs/count", []string{headerToken, token, headerClient, "abc"}, http.StatusOK, "0"},
		"with both it is also told of faults":  {http.MethodDelete, unknown, []string{headerToken, token, headerClient, "abc"}, http.StatusNotFound, "Task not found"},
		"it is not good for another client":    {http.MethodPost, "/task_runs/count", []string{headerToken, token, headerClient, "abd"}, http.StatusForbidden, textBadToken},
		"nor for none":                         {http.MethodPost, "/task_runs/count", []string{headerToken, token, headerClient, ""}, http.StatusForbidden, textBadToken},
		"a made-up one is not good":            {http.MethodPost, "/task_runs/count", []string{headerToken, forged, headerClient, "abc"}, http.StatusForbidden, textBadToken},
		"one with another time is not good":    {http.MethodPost, "/task_runs/count", []string{headerToken, "7fff" + token[4:], headerClient, "abc"}, http.StatusForbidden, textBadToken},
		"half of one is not good":              {http.MethodPost, "/task_runs/count", []string{headerToken, token[:32], headerClient, "abc"}, http.StatusForbidden, textBadToken},
		"an empty one is not good":             {http.MethodPost, "/task_runs/count", []string{headerToken, "", headerClient, "abc"}, http.StatusForbidden, textBadToken},
		"one that is no number is not good":    {http.MethodPost, "/task_runs/count", []string{headerToken, strings.Repeat("x", 64), headerClient, "abc"}, http.StatusForbidden, textBadToken},
		"it is told before a redirect":         {http.MethodPost, "/task_runs", nil, http.StatusForbidden, textNoToken},
		"it is told before a malformed body":   {http.MethodPost, "/task_runs/", nil, http.StatusForbidden, textNoToken},
		"a preflight needs none":               {http.MethodOptions, "/task_runs/", []string{"Origin", "http://example.test", "Access-Control-Request-Method", "POST"}, http.StatusOK, "OK"},
		"asking for a token without a client":  {http.MethodGet, "/csrf-token", nil, http.StatusUnprocessableEntity, `"loc":["query","client"]`},
		"asking for a token needs no other":    {http.MethodGet, "/csrf-token?client=", nil, http.StatusOK, `"client":""`},
		"the description of routes needs none": {http.MethodGet, "/openapi.json", nil, http.StatusOK, `"openapi":"3.1.1"`},
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

func TestATokenTellsItsClientAndTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, protected(""))
	answer := f.must(t, http.StatusOK, http.MethodGet, "/csrf-token?client=a%22b", "")
	for key, want := range map[string]string{
		"client": `"a\"b"`, "created": `"2026-08-21T12:00:00Z"`, "updated": `"2026-08-21T12:00:00Z"`, "expiration": `"2026-08-21T13:00:00Z"`,
	} {
		if got := member(t, answer, key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	token, id := strings.Trim(member(t, answer, "token"), `"`), strings.Trim(member(t, answer, "id"), `"`)
	if len(token) != 64 || strings.Trim(token, "0123456789abcdef") != "" {
		t.Errorf("token %q, want 64 hexadecimal digits", token)
	}
	if spelt, ok := wire.PathID(id); !ok || spelt != id {
		t.Errorf("id %q is no UUID", id)
	}
}

func TestATokenEndsAfterAnHour(t *testing.T) {
	t.Parallel()
	f := newFixture(t, protected(""))
	header := []string{headerToken, tokenOf(t, f, "abc"), headerClient, "abc"}
	f.clock.Step(time.Hour - time.Microsecond)
	if w := f.ask(t, http.MethodPost, "/task_runs/count", "", header...); w.Code != http.StatusOK {
		t.Errorf("just before: %d %s, want 200", w.Code, w.Body)
	}
	f.clock.Step(time.Microsecond)
	if w := f.ask(t, http.MethodPost, "/task_runs/count", "", header...); w.Code != http.StatusForbidden {
		t.Errorf("just after: %d %s, want 403", w.Code, w.Body)
	}
}

func TestReplicasOfOneKeyKnowEachOthersTokens(t *testing.T) {
	t.Parallel()
	file := func(key string) string {
		name := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(name, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	one, same, other := strings.Repeat("k", 32), strings.Repeat("k", 32), strings.Repeat("k", 31)+"l"
	header := []string{headerToken, tokenOf(t, newFixture(t, protected(file(one))), "abc"), headerClient, "abc"}
	for name, tc := range map[string]struct {
		keyFile string
		status  int
	}{
		"the same key":         {file(same), http.StatusOK},
		"another key":          {file(other), http.StatusForbidden},
		"a random key":         {"", http.StatusForbidden},
		"another, just longer": {file(one + "\n"), http.StatusForbidden},
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
