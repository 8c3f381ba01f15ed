// Package panics recovers from panics, and counts them.
package panics

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
)

// Error is a panic during the processing of some input.
type Error struct {
	Value any
	Stack []byte
}

func (e *Error) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

var count atomic.Int64

// Count returns the number of panics that Recover has converted to errors since the
// program started.
func Count() int64 { return count.Load() }

// Recover converts a panic to an *Error and counts it. It must be deferred directly.
// Every goroutine that processes input of clients defers it, because a panic in a
// goroutine ends the whole program. The receiver of the error logs it.
func Recover(err *error) {
	if value := recover(); value != nil {
		count.Add(1)
		*err = &Error{Value: value, Stack: debug.Stack()}
	}
}

// Guard calls f and returns a panic in it as an *Error.
func Guard(f func() error) (err error) {
	defer Recover(&err)
	return f()
}
