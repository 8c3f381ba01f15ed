package rest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
)

const (
	pageForeign  = "http://elsewhere.test"
	pageLoopback = "http://localhost:3000"
	pageListed   = "https://page.test"
)

func withOrigins(origins ...string) change {
	return func(o *Options, _ *Dependencies) { o.CORSOrigins = origins }
}

// send sends a request without a check against the document. header is name, value,
// name, value.
func (f *fixture) send(t *testing.T, method, url, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	return w
}

func TestHost_mustBeLoopbackOrListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options, _ *Dependencies) { o.AllowedHosts = []string{"Box.test", "192.0.2.7", "2001:db8::7"} })
	served := []string{
		"localhost", "LocalHost:4200", "127.0.0.1", "127.0.0.1:4200", "127.8.9.1:1", "[::1]", "[::1]:4200", "localhost.:80",
		"box.test", "BOX.TEST:4200", "192.0.2.7:80", "[2001:db8::7]:80",
	}
	rejected := []string{
		"", "elsewhere.test", "elsewhere.test:4200", "localhost.elsewhere.test", "127.0.0.1.elsewhere.test", "x.box.test", "0.0.0.0:4200",
		"192.0.2.8", "[2001:db8::8]", "127.1", "localhost@elsewhere.test", "2130706433",
	}
	for _, host := range append(slices.Clone(served), rejected...) {
		for _, request := range []struct{ method, path, upgrade string }{
			{http.MethodGet, "/api/health", ""},
			{http.MethodPost, "/api/task_runs/filter", ""},
			{http.MethodOptions, "/api/health", ""},
			{http.MethodGet, "/nope", ""},
			{http.MethodGet, "/api/events/out", "websocket"},
			{http.MethodGet, "/namespaces/other/api/hello", ""},
		} {
			r := httptest.NewRequestWithContext(t.Context(), request.method, request.path, http.NoBody)
			r.Host = host
			if request.upgrade != "" {
				r.Header.Set("Connection", "upgrade")
				r.Header.Set("Upgrade", request.upgrade)
			}
			w := httptest.NewRecorder()
			f.server.Handler().ServeHTTP(w, r)
			isRejected := w.Code == http.StatusMisdirectedRequest
			if isRejected != slices.Contains(rejected, host) || isRejected && !strings.Contains(w.Body.String(), "--rest-allowed-hosts") {
				t.Errorf("Host %q, %s %s: %d %s", host, request.method, request.path, w.Code, w.Body)
			}
		}
	}
}

func TestHost_isNotCheckedWithAuthentication(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	if w := f.send(t, http.MethodGet, "http://taskrun-rest.test/api/hello", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOrigin_ofRequestsThatChangeRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withOrigins(pageListed, "HTTP://Upper.test:81"))
	const base, sayJSON = "http://127.0.0.1:4200", "application/json"
	cases := map[string]struct {
		header []string
		want   int // 0: any response of the route
	}{
		"no origin":                                   {nil, 0},
		"no origin, another type":                     {[]string{"Content-Type", "text/plain"}, 0},
		"the server's own origin":                     {[]string{"Origin", base, "Content-Type", sayJSON}, 0},
		"a loopback origin":                           {[]string{"Origin", pageLoopback, "Content-Type", "application/json; charset=utf-8"}, 0},
		"a loopback address":                          {[]string{"Origin", "https://127.0.0.2", "Content-Type", sayJSON}, 0},
		"listed":                                      {[]string{"Origin", pageListed, "Content-Type", "application/x+json"}, 0},
		"a listed origin in upper case":               {[]string{"Origin", "http://upper.test:81", "Content-Type", sayJSON}, 0},
		"another origin":                              {[]string{"Origin", pageForeign, "Content-Type", sayJSON}, http.StatusForbidden},
		"another origin without a type":               {[]string{"Origin", pageForeign}, http.StatusForbidden},
		"another scheme than the listed origin":       {[]string{"Origin", "http://page.test", "Content-Type", sayJSON}, http.StatusForbidden},
		"another port than the listed origin":         {[]string{"Origin", pageListed + ":444", "Content-Type", sayJSON}, http.StatusForbidden},
		"a listed origin as a prefix":                 {[]string{"Origin", pageListed + ".evil.test", "Content-Type", sayJSON}, http.StatusForbidden},
		"a host name that starts like loopback":       {[]string{"Origin", "http://localhost.evil.test", "Content-Type", sayJSON}, http.StatusForbidden},
		"a loopback name before an at sign":           {[]string{"Origin", "http://localhost@evil.test", "Content-Type", sayJSON}, http.StatusForbidden},
		"a sandboxed page":                            {[]string{"Origin", "null", "Content-Type", sayJSON}, http.StatusForbidden},
		"a file":                                      {[]string{"Origin", "file://", "Content-Type", sayJSON}, http.StatusForbidden},
		"an extension":                                {[]string{"Origin", "chrome-extension://localhost", "Content-Type", sayJSON}, http.StatusForbidden},
		"an empty origin":                             {[]string{"Origin", "", "Content-Type", sayJSON}, http.StatusForbidden},
		"two origins":                                 {[]string{"Origin", pageLoopback, "Origin", pageForeign, "Content-Type", sayJSON}, http.StatusForbidden},
		"no origin, cross-site":                       {[]string{"Sec-Fetch-Site", "cross-site", "Content-Type", sayJSON}, http.StatusForbidden},
		"no origin, same-site":                        {[]string{"Sec-Fetch-Site", "same-site", "Content-Type", sayJSON}, http.StatusForbidden},
		"no origin, typed by the user":                {[]string{"Sec-Fetch-Site", "none", "Content-Type", sayJSON}, 0},
		"an allowed origin without a type":            {[]string{"Origin", pageLoopback}, http.StatusUnsupportedMediaType},
		"an allowed origin that sends text":           {[]string{"Origin", pageLoopback, "Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		"an allowed origin that sends a form":         {[]string{"Origin", base, "Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"a listed origin that sends a multipart body": {[]string{"Origin", pageListed, "Content-Type", "multipart/form-data; boundary=x"}, http.StatusUnsupportedMediaType},
	}
	routes := []struct{ method, path string }{
		{http.MethodPost, "/api/task_runs/"},
		{http.MethodPost, "/api/task_runs/filter"},
		{http.MethodPatch, "/api/task_runs/" + idUnknown},
		{http.MethodPost, "/api/nope"},
		{http.MethodDelete, "/api/task_runs/" + idUnknown},
		{http.MethodPost, "/namespaces/other/api/task_runs/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, route := range routes {
				w := f.send(t, route.method, base+route.path, "{}", tc.header...)
				refused := w.Code == http.StatusForbidden || w.Code == http.StatusUnsupportedMediaType
				if refused != (tc.want != 0) || refused && w.Code != tc.want {
					t.Errorf("%s %s: %d %s, want %d", route.method, route.path, w.Code, w.Body, tc.want)
				}
			}
		})
	}
}

// A browser sends a preflight before such requests, so they need no JSON type.
func TestOrigin_allowedPageDeletesWithoutABody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if w := f.send(t, http.MethodDelete, "http://localhost/api/task_runs/"+idUnknown, "", "Origin", pageLoopback); w.Code != http.StatusNotFound {
		t.Errorf("%d %s, want 404", w.Code, w.Body)
	}
}

func TestOrigin_ofPagesThatReadResponses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		origins      []string
		origin, want string
	}{
		"no origin":         {nil, "", ""},
		"another origin":    {nil, pageForeign, ""},
		"a loopback origin": {nil, pageLoopback, pageLoopback},
		"listed":            {[]string{pageListed}, pageListed, pageListed},
		"a loopback origin in addition to listed ones": {[]string{pageListed}, pageLoopback, pageLoopback},
		"a sandboxed page": {nil, "null", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, withOrigins(tc.origins...))
			for _, path := range []string{"/api/health", "/api/nope", "/api/openapi.json", "/api/task_runs/" + idUnknown} {
				var header []string
				if tc.origin != "" {
					header = []string{"Origin", tc.origin}
				}
				w := f.send(t, http.MethodGet, "http://127.0.0.1:4200"+path, "", header...)
				if got := w.Header().Get("Access-Control-Allow-Origin"); got != tc.want {
					t.Errorf("%s: Access-Control-Allow-Origin = %q, want %q", path, got, tc.want)
				}
				if varies := slices.Contains(w.Header().Values("Vary"), "Origin"); varies != (tc.origin != "") {
					t.Errorf("%s: Vary = %q", path, w.Header().Values("Vary"))
				}
				if got := w.Header().Get("Access-Control-Allow-Credentials"); got != "" {
					t.Errorf("%s: Access-Control-Allow-Credentials = %q", path, got)
				}
			}
		})
	}
}

func TestOrigin_onlyListedPagesGetACSRFToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withOrigins(pageListed), protected(""))
	for origin, want := range map[string]int{
		pageListed: http.StatusOK, "http://localhost:4200": http.StatusOK, pageLoopback: http.StatusForbidden, pageForeign: http.StatusForbidden, "null": http.StatusForbidden,
	} {
		w := f.send(t, http.MethodGet, "http://localhost:4200/api/csrf-token?client=a", "", "Origin", origin)
		if w.Code != want || strings.Contains(w.Body.String(), "token\":\"") != (want == http.StatusOK) {
			t.Errorf("%s: %d %s, want %d", origin, w.Code, w.Body, want)
		}
	}
	if w := f.send(t, http.MethodGet, "http://localhost:4200/api/csrf-token?client=a", ""); w.Code != http.StatusOK {
		t.Errorf("without an origin: %d %s", w.Code, w.Body)
	}
}

// anyCaller returns a caller for every request, as the aggregation layer does.
type anyCaller struct{}

func (anyCaller) Caller(*http.Request) (authn.Caller, bool, error) {
	return authn.Caller{Name: "create taskruns in default"}, true, nil
}

// Behind kubectl proxy, a page needs no token, so its origin is checked. It is not
// checked if the page sends a token.
func TestOrigin_isCheckedThroughTheAggregationLayer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withReviewer(&fakeReviewer{}), withOrigins("*", pageListed), func(_ *Options, d *Dependencies) { d.Proxy = anyCaller{} })
	const proxied, direct = "https://service.test" + AggregatedPath + namespacesPath + "default", "https://service.test/api"
	for _, tc := range []struct {
		url, origin string
		wantAllow   string
		wantRefused bool
	}{
		{proxied, pageForeign, "", true},
		{proxied, "null", "", true},
		{proxied, pageLoopback, pageLoopback, false},
		{proxied, pageListed, pageListed, false},
		{direct, pageForeign, "*", false},
	} {
		header := []string{"Origin", tc.origin, "Content-Type", "application/json", "Authorization", "Bearer create taskruns in default"}
		w := f.send(t, http.MethodPost, tc.url+"/task_runs/", "{}", header...)
		if got := w.Header().Get("Access-Control-Allow-Origin"); (w.Code == http.StatusForbidden) != tc.wantRefused || got != tc.wantAllow {
			t.Errorf("%s of %s: %d %s, Access-Control-Allow-Origin = %q", tc.url, tc.origin, w.Code, w.Body, got)
		}
		w = f.send(t, http.MethodGet, tc.url+"/health", "", header...)
		if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != http.StatusOK || got != tc.wantAllow {
			t.Errorf("health, %s of %s: %d, Access-Control-Allow-Origin = %q", tc.url, tc.origin, w.Code, got)
		}
		w = f.send(t, http.MethodGet, tc.url+pathEventsOut, "", append(header, "Connection", "upgrade", "Upgrade", "websocket")...)
		if (w.Code == http.StatusForbidden && strings.Contains(w.Body.String(), "--rest-cors-origins")) != tc.wantRefused {
			t.Errorf("upgrade, %s of %s: %d %s", tc.url, tc.origin, w.Code, w.Body)
		}
	}
}

func TestOriginsAndHosts_invalidOnesAreErrorsWithTheFlag(t *testing.T) {
	t.Parallel()
	for _, origins := range []string{"page.test", "null", "https://page.test/path", "ftp://page.test", "https://", "https://*.page.test/", "https://a@page.test"} {
		o := DefaultOptions()
		o.CORSOrigins = []string{origins}
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "--rest-cors-origins") {
			t.Errorf("--rest-cors-origins=%s: %v", origins, err)
		}
	}
	for _, host := range []string{"http://box.test", "box.test:4200", "*", "*.box.test", "a b", "[::1]:80"} {
		o := DefaultOptions()
		o.AllowedHosts = []string{host}
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "--rest-allowed-hosts") {
			t.Errorf("--rest-allowed-hosts=%s: %v", host, err)
		}
	}
	o := DefaultOptions()
	o.CORSOrigins = []string{"*"}
	if err := o.CheckReach(false, false); err == nil || !strings.Contains(err.Error(), "--rest-cors-origins") {
		t.Errorf("every page without authentication: %v", err)
	}
	if err := o.CheckReach(true, false); err != nil {
		t.Errorf("every page, each with a token: %v", err)
	}
}
