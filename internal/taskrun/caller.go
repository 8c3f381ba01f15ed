package taskrun

import "context"

type callerKey struct{}

// WithCaller returns a context for what somebody asks for; a run that is made in
// it is stored with his name. No name is nobody in particular.
func WithCaller(ctx context.Context, name string) context.Context {
	if name == "" {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, name)
}

// Caller is the name of who asked, "" for nobody in particular.
func Caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}
