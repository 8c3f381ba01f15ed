package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-logr/logr"
)

// A web page whose host name resolves to this machine cannot read metrics or
// profiles.
func TestMetrics_onLoopbackAcceptOnlyAllowedHosts(t *testing.T) {
	t.Parallel()
	served, misdirected := http.StatusOK, http.StatusMisdirectedRequest
	for name, tc := range map[string]struct {
		address string
		host    string
		want    int
	}{
		"localhost":                                      {"127.0.0.1:4201", "localhost:4201", served},
		"a loopback address":                             {"127.0.0.1:4201", "127.0.0.1:4201", served},
		"an IPv6 loopback address":                       {"[::1]:4201", "[::1]:4201", served},
		"a host of --rest-allowed-hosts":                 {"localhost:4201", "box.test:4201", served},
		"another host":                                   {"127.0.0.1:4201", "elsewhere.test:4201", misdirected},
		"another host, where the address has a name":     {"localhost:4201", "elsewhere.test", misdirected},
		"a host that starts like loopback":               {"[::1]:4201", "localhost.elsewhere.test:4201", misdirected},
		"none":                                           {"127.0.0.1:4201", "", misdirected},
		"any host, if other machines can reach the port": {":4201", "node.test:4201", served},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := (&security{}).metricsServer(&ManagerOptions{MetricsAddress: tc.address, Pprof: true}, []string{"box.test"})
			var handler http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			if o.FilterProvider != nil {
				filter, err := o.FilterProvider(nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				if handler, err = filter(logr.Discard(), handler); err != nil {
					t.Fatal(err)
				}
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
			r.Host = tc.host
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, r); w.Code != tc.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tc.want)
			}
		})
	}
}
