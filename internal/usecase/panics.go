package usecase

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// PanicError is a fault of this program, met while it handled some input.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

var panics atomic.Int64

// Panics returns how many panics Recover has turned into errors since the
// program started.
func Panics() int64 { return panics.Load() }

// Recover turns a panic into a *PanicError and counts it. It must be deferred
// itself. Every goroutine that handles input of clients defers it, because a panic in
// a goroutine ends the whole program; the receiver of the error logs it.
func Recover(err *error) {
	if value := recover(); value != nil {
		panics.Add(1)
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}

// Guard calls f; a panic in it is a *PanicError.
func Guard(f func() error) (err error) {
	defer Recover(&err)
	return f()
}

// recordGuarded is recordRun, but the events of a run that it panics at are
// refused: coming again with them would not help, and others must not wait.
func (s *Service) recordGuarded(ctx context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error {
	var fault error
	err := Guard(func() error {
		fault = s.recordRun(ctx, events, refused)
		return nil
	})
	if err != nil {
		refuseAll(events, refused, err)
	}
	return fault
}
