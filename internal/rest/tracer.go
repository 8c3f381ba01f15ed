package rest

import (
	"context"
	"net/http"
)

// Tracer shows requests as traces.
type Tracer interface {
	// Handler begins and ends what is shown of a request around the handler.
	Handler(next http.Handler) http.Handler
	// Routed names what is shown of the request that the context is of. The
	// route is the path as routes spell it, never the one asked for.
	Routed(ctx context.Context, method, route string)
}

// noTracer shows nothing.
type noTracer struct{}

func (noTracer) Handler(next http.Handler) http.Handler { return next }
func (noTracer) Routed(context.Context, string, string) {}
