package rest

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPreflight_listedOriginIsAllowedEverything(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withOrigins("http://page.test"))
	for _, path := range []string{"/task_runs/filter", "/nope"} {
		w := f.ask(t, http.MethodOptions, path, "", "Origin", "http://page.test",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-a, x-b")
		if w.Code != http.StatusOK || w.Body.String() != "OK" {
			t.Errorf("%s: answer = %d %s, want 200 OK", path, w.Code, w.Body)
		}
		for name, want := range map[string]string{
			"Content-Type": typeText, "Access-Control-Allow-Origin": "http://page.test", "Vary": "Origin", "Access-Control-Allow-Headers": "x-a, x-b",
			"Access-Control-Allow-Methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestPreflight_unknownMethodIsRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for origin, want := range map[string]string{
		"http://localhost:3000": "Disallowed CORS method", "http://elsewhere.test": "Disallowed CORS origin, method",
	} {
		w := f.ask(t, http.MethodOptions, "/health", "", "Origin", origin, "Access-Control-Request-Method", "BREW")
		if w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("answer = %d %s, want 400 %s", w.Code, w.Body, want)
		}
	}
}

func TestOrigin_loopbackPagesCanReadResponses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/health", "/nope"} {
		if got := f.ask(t, http.MethodGet, path, "", "Origin", "http://[::1]:81").Header().Get("Access-Control-Allow-Origin"); got != "http://[::1]:81" {
			t.Errorf("%s: Access-Control-Allow-Origin = %q, want the page's", path, got)
		}
		if got := f.ask(t, http.MethodGet, path, "", "Origin", "http://b.test").Header().Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: Access-Control-Allow-Origin = %q for a page from elsewhere", path, got)
		}
	}
	if w := f.ask(t, http.MethodGet, "/health", ""); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("a response without an origin has CORS headers")
	}
}

func TestCompression_ofLargeResponsesIfTheClientAcceptsIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	plain := f.must(t, http.StatusOK, http.MethodGet, "/task_runs/"+idKnown, "")
	cases := map[string]struct {
		path, accept string
		want         bool
	}{
		"accepted":                        {"/task_runs/" + idKnown, "gzip", true},
		"among others":                    {"/task_runs/" + idKnown, "br, GZIP;q=0.5, deflate", true},
		"not if it is refused":            {"/task_runs/" + idKnown, "gzip;q=0", false},
		"not if only others are accepted": {"/task_runs/" + idKnown, "br, deflate", false},
		"not if the response is small":    {"/health", "gzip", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.ask(t, http.MethodGet, tc.path, "", "Accept-Encoding", tc.accept)
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != tc.want {
				t.Fatalf("compressed: %v, want %v", got, tc.want)
			}
			if !tc.want {
				return
			}
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain, string(got)); diff != "" {
				t.Errorf("(-plain +unpacked):\n%s", diff)
			}
			if got := w.Header().Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("Vary = %q, want Accept-Encoding", got)
			}
		})
	}
}

func TestMetrics_countRequestsByRoute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.create(t)
	f.ask(t, http.MethodGet, "/task_runs/"+idUnknown, "")
	f.ask(t, http.MethodGet, "/nope", "")
	f.ask(t, "BREW", "/task_runs/"+idKnown, "")
	want := []served{
		{http.MethodPost, "/task_runs/", http.StatusCreated},
		{http.MethodGet, "/task_runs/{id}", http.StatusNotFound},
		{labelOther, labelOther, http.StatusNotFound},
		{labelOther, labelOther, http.StatusMethodNotAllowed},
	}
	if diff := cmp.Diff(want, f.metrics.seen, cmp.AllowUnexported(served{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLog_hasOneLinePerRequest(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	f := newFixture(t, debugLog(log))
	f.ask(t, http.MethodGet, "/health", "")
	f.ask(t, http.MethodGet, "/a%0Ab", "")
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("log = %q, want two lines", lines)
	}
	for i, want := range []string{"path=/api/health status=200", `path="/api/a\nb" status=404`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line = %q, want %s", lines[i], want)
		}
	}
}

// With HTTP/2, the server cannot write a body after 204, even an empty one.
func TestResponse_withoutABodyIsSent(t *testing.T) {
	t.Parallel()
	written := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		written <- response{status: http.StatusNoContent}.write(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent || answer.ProtoMajor != 2 {
		t.Errorf("status %d over %s", answer.StatusCode, answer.Proto)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
