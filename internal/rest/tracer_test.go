package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noting notes what it hears, and that it heard it within a request of its own.
type noting struct{ heard []string }

type notingKey struct{}

func (n *noting) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.heard = append(n.heard, "begin")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), notingKey{}, "inside ")))
		n.heard = append(n.heard, "end")
	})
}

func (n *noting) Routed(ctx context.Context, method, route string) {
	inside, ok := ctx.Value(notingKey{}).(string)
	if !ok {
		inside = "outside "
	}
	n.heard = append(n.heard, inside+method+" "+route)
}

func TestATracerHearsOfRequestsByTheirRoute(t *testing.T) {
	t.Parallel()
	tracer := &noting{}
	server, err := New(DefaultOptions(), Dependencies{
		Clock: &stillClock{now: noon}, Log: slog.New(slog.DiscardHandler), Tracer: tracer,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/hello", "/api/nowhere/at/all"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, http.NoBody)
		server.Handler().ServeHTTP(httptest.NewRecorder(), request)
	}
	want := []string{"begin", "inside GET /hello", "end", "begin", "end"}
	if diff := cmp.Diff(want, tracer.heard); diff != "" {
		t.Errorf("what the tracer heard (-want +got):\n%s", diff)
	}
}
