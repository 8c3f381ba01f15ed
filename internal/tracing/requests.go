package tracing

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// trustKey marks the context of a request whose client may continue its own trace.
type trustKey struct{}

// Trust returns the context of a request that continues the trace of the client. Call
// it after the caller is identified, because the client then decides whether its trace
// is sampled.
func (t *Tracing) Trust(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, trustKey{}, true)
}

// trusted reads the trace of a client only if Trust was called.
type trusted struct{ propagation.TextMapPropagator }

// Extract implements propagation.TextMapPropagator.
func (p trusted) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	if ctx.Value(trustKey{}) == nil {
		return ctx
	}
	return p.TextMapPropagator.Extract(ctx, carrier)
}

// Handler starts a span for each request, in the trace of a trusted client if it has
// one. Websockets have no span, because they last for days.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return otelhttp.NewHandler(next, "",
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(trusted{t.propagator}), otelhttp.WithMeterProvider(t.meter),
		otelhttp.WithFilter(func(r *http.Request) bool { return !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") }),
		// Until the route is known.
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return method(r) }),
	)
}

// Routed sets the name of the span of a request to its method and route.
func (t *Tracing) Routed(ctx context.Context, method, route string) {
	if t == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetName(method + " " + route)
	span.SetAttributes(semconv.HTTPRoute(route))
}

// method is the method of a request, one of a fixed set.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	default:
		return "HTTP" // as OpenTelemetry's conventions require for unknown methods
	}
}

// fail marks a span as failed.
func fail(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
}
