package tracing

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Transport starts a span for each call to the API server that belongs to a trace, and
// propagates the trace. Other calls, such as watches and renewals of Leases, have no
// span.
func (t *Tracing) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return transport{next: next, RoundTripper: otelhttp.NewTransport(templated{next: next},
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(t.propagator), otelhttp.WithMeterProvider(t.meter),
		otelhttp.WithFilter(func(r *http.Request) bool { return trace.SpanContextFromContext(r.Context()).IsValid() }),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return method(r) + " " + template(r.URL.Path) }),
	)}
}

type transport struct {
	http.RoundTripper

	next http.RoundTripper
}

// WrappedRoundTripper returns the wrapped transport, through which client-go closes
// idle connections.
func (t transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// templated sets the name of the span of a call to the pattern of its path.
type templated struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t templated) RoundTrip(r *http.Request) (*http.Response, error) {
	if span := trace.SpanFromContext(r.Context()); span.IsRecording() {
		span.SetAttributes(semconv.URLTemplate(template(r.URL.Path)))
	}
	return t.next.RoundTrip(r)
}

// template replaces the names of namespace and object in a path of the API server by
// placeholders.
func template(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	begin := 3 // apis, group, version
	if parts[0] == "api" {
		begin = 2
	} else if parts[0] != "apis" {
		return "/" + parts[0] // healthz, version
	}
	if len(parts) > begin+2 && parts[begin] == "namespaces" {
		parts[begin+1] = "{namespace}"
		begin += 2
	}
	if len(parts) > begin+1 {
		parts[begin+1] = "{name}"
	}
	return "/" + strings.Join(parts, "/")
}
