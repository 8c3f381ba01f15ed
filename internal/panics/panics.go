// Package panics recovers from panics, and counts them.
package panics

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
)

// Error is a panic, a fault of this program, while it handled some input.
type Error struct {
	Value any
	Stack []byte
}

func (e *Error) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

var count atomic.Int64

// Count returns how many panics Recover has turned into errors since the
// program started.
func Count() int64 { return count.Load() }

// Recover turns a panic into an *Error and counts it. It must be deferred
// itself. Every goroutine that handles input of clients defers it, because a panic in
// a goroutine ends the whole program; the receiver of the error logs it.
func Recover(err *error) {
	if value := recover(); value != nil {
		count.Add(1)
		*err = &Error{Value: value, Stack: debug.Stack()}
	}
}

// Guard calls f; a panic in it is an *Error.
func Guard(f func() error) (err error) {
	defer Recover(&err)
	return f()
}
