package rest

import (
	"context"
	"net/http"
)

// Tracer shows requests as traces.
type Tracer interface {
	// Handler begins and ends what is shown of a request around the handler.
	Handler(next http.Handler) http.Handler
	// Trust returns a context whose request may continue the client's trace: its
	// caller is identified. Without it, what the client says of traces is ignored.
	Trust(ctx context.Context) context.Context
	// Routed names what is shown of the request that the context is of. The
	// route is the path as routes spell it, never the one asked for.
	Routed(ctx context.Context, method, route string)
}

// noTracer shows nothing.
type noTracer struct{}

func (noTracer) Handler(next http.Handler) http.Handler    { return next }
func (noTracer) Trust(ctx context.Context) context.Context { return ctx }
func (noTracer) Routed(context.Context, string, string)    {}
