package taskrun

import "context"

type callerKey struct{}

// WithCaller returns a context for a request of this caller. A run that is created with
// the context is stored with the name of the caller. An empty name is an unknown
// caller.
func WithCaller(ctx context.Context, name string) context.Context {
	if name == "" {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, name)
}

// Caller returns the name of the caller, or "" if it is unknown.
func Caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}
