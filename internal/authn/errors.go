package authn

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The kinds of errors, for errors.Is. Every error of this package is one of them.
var (
	// ErrUnauthenticated means that the caller has no valid credentials (HTTP 401).
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrForbidden means that the caller lacks the permission (HTTP 403).
	ErrForbidden = errors.New("forbidden")
	// ErrUnavailable means that the API server could not be reached (HTTP 503): the same request may succeed later.
	ErrUnavailable = errors.New("unavailable")
)

// Error rejects a caller. Its text is for the caller: it says what to do and contains nothing confidential.
type Error struct {
	kind  error
	text  string
	cause error
}

// Error returns the text for the caller.
func (e *Error) Error() string { return e.text }

// Unwrap returns the kind, and the cause if there is one.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// Cause returns the cause for the log. It is not for the caller, contains no token, and may be nil.
func (e *Error) Cause() error { return e.cause }

func newError(kind, cause error, format string, args ...any) *Error {
	return &Error{kind: kind, text: fmt.Sprintf(format, args...), cause: cause}
}

// newUnavailableError returns the error after a review of resource failed.
func newUnavailableError(cause error, resource string) *Error {
	if apierrors.IsForbidden(cause) {
		return newError(ErrUnavailable, cause, "this server may not ask the Kubernetes API server who callers are and what they may do: "+
			"its ServiceAccount needs a ClusterRole with the verb create on %s", resource)
	}
	return newError(ErrUnavailable, cause, "the Kubernetes API server, which knows who callers are and what they may do, "+
		"does not answer now: try again in a few seconds")
}
