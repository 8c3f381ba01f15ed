package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"
)

// noting records its calls, and whether each belongs to a request.
type noting struct{ calls []string }

type notingKey struct{}

func (n *noting) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.calls = append(n.calls, "begin")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), notingKey{}, "inside ")))
		n.calls = append(n.calls, "end")
	})
}

func (n *noting) Trust(ctx context.Context) context.Context { return ctx }

func (n *noting) Routed(ctx context.Context, method, route string) {
	inside, ok := ctx.Value(notingKey{}).(string)
	if !ok {
		inside = "outside "
	}
	n.calls = append(n.calls, inside+method+" "+route)
}

func TestTracer_spansAreNamedByRoute(t *testing.T) {
	t.Parallel()
	tracer := &noting{}
	server, err := New(DefaultOptions(), Dependencies{
		Clock: testingclock.NewFakeClock(noon), Log: slog.New(slog.DiscardHandler), Tracer: tracer,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/hello", "/api/nowhere/at/all"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, http.NoBody)
		server.Handler().ServeHTTP(httptest.NewRecorder(), request)
	}
	want := []string{"begin", "inside GET /hello", "end", "begin", "end"}
	if diff := cmp.Diff(want, tracer.calls); diff != "" {
		t.Errorf("calls of the tracer (-want +got):\n%s", diff)
	}
}

// trusting records which requests may continue a trace.
type trusting struct {
	noTracer
	trusted bool
}

type trustedKey struct{}

func (*trusting) Trust(ctx context.Context) context.Context {
	return context.WithValue(ctx, trustedKey{}, true)
}

func (tr *trusting) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tr.trusted = r.Context().Value(trustedKey{}) != nil
		next.ServeHTTP(w, r)
	})
}

func TestTracer_onlyIdentifiedCallersContinueATrace(t *testing.T) {
	t.Parallel()
	const proxied = "/apis/rest.taskrun.dev/v1alpha1/namespaces/default"
	for name, tc := range map[string]struct {
		method, path, show string
		want               bool
	}{
		"nothing":                          {http.MethodPost, "/api/task_runs/count", "", false},
		"an invalid token":                 {http.MethodPost, "/api/task_runs/count", "Bearer bad", false},
		"a valid token":                    {http.MethodPost, "/api/task_runs/count", "Bearer list taskruns in default", true},
		"a valid token without permission": {http.MethodPost, "/api/task_runs/count", "Bearer get taskruns in default", true},
		"a valid token, an unknown path":   {http.MethodGet, "/api/nope", "Bearer get taskruns in default", true},
		"an unknown path":                  {http.MethodGet, "/api/nope", "", false},
		"an open route":                    {http.MethodGet, "/api/health", "", false},
		"an open route, and a token":       {http.MethodGet, "/api/health", "Bearer list taskruns in default", false},
		"through the API server":           {http.MethodPost, proxied + "/task_runs/count", "user list taskruns in default", true},
		"a request that pretends to be from the API server": {http.MethodPost, proxied + "/task_runs/count", "Bearer list taskruns in default", false},
		"a preflight":                      {http.MethodOptions, "/api/task_runs/count", "", false},
		"an open route through API server": {http.MethodGet, proxied + "/health", "user somebody", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer := &trusting{}
			f := newFixture(t, withReviewer(&fakeReviewer{}), func(_ *Options, d *Dependencies) { d.Proxy, d.Tracer = vouching{}, tracer })
			if f.knock(t, tc.method, tc.path, tc.show); tracer.trusted != tc.want {
				t.Errorf("trusted: %t, want %t", tracer.trusted, tc.want)
			}
		})
	}
	tracer := &trusting{}
	f := newFixture(t, func(_ *Options, d *Dependencies) { d.Tracer = tracer })
	if f.knock(t, http.MethodGet, "/api/health", ""); !tracer.trusted {
		t.Error("without authentication, every caller of the machine is trusted")
	}
	tracer.trusted = false
	if f.send(t, http.MethodGet, "http://elsewhere.test/api/health", ""); tracer.trusted {
		t.Error("a request for another host is trusted")
	}
}
