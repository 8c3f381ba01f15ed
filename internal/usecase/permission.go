package usecase

import (
	"context"
	"sync"
)

type createCheckKey struct{}

// WithCreateCheck returns a context for a request whose caller was not checked for
// the permission to create objects. check returns nil if the caller has it,
// taskrun.ErrForbidden if not, and ErrUnavailable if that is not known. The first call of
// CheckCreate runs it, and its result holds for all calls with the context.
func WithCreateCheck(ctx context.Context, check func(context.Context) error) context.Context {
	var (
		once   sync.Once
		result error
	)
	return context.WithValue(ctx, createCheckKey{}, func(ctx context.Context) error {
		once.Do(func() { result = check(ctx) })
		return result
	})
}

// CheckCreate returns the error of the context's check, and nil if it has none.
func CheckCreate(ctx context.Context) error {
	check, ok := ctx.Value(createCheckKey{}).(func(context.Context) error)
	if !ok {
		return nil
	}
	return check(ctx)
}
