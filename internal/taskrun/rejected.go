package taskrun

import (
	"errors"
	"strings"
	"unicode"
)

// RejectionCause is the reason why the cluster rejects a valid write.
type RejectionCause string

// The causes.
const (
	// NamespaceMissing: the namespace does not exist.
	NamespaceMissing RejectionCause = "NamespaceMissing"
	// NamespaceTerminating: the namespace is being deleted.
	NamespaceTerminating RejectionCause = "NamespaceTerminating"
	// QuotaExceeded: a ResourceQuota has no room for another object.
	QuotaExceeded RejectionCause = "QuotaExceeded"
	// AdmissionDenied: an admission policy or webhook denies the write.
	AdmissionDenied RejectionCause = "AdmissionDenied"
	// PermissionMissing: the operator itself has no permission for the call.
	PermissionMissing RejectionCause = "PermissionMissing"
)

// RejectedError is a write that the cluster rejected and did not store. The same
// write is rejected again until the cluster is changed.
type RejectedError struct {
	Cause   RejectionCause
	Message string // message of the API server, one line of at most MaxRejection characters
}

// MaxRejection is the maximum number of characters of a RejectedError's message.
const MaxRejection = 1024

// NewRejectedError returns a RejectedError with this message, in one line and truncated.
func NewRejectedError(cause RejectionCause, text string) *RejectedError {
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return &RejectedError{Cause: cause, Message: Truncate(strings.TrimSpace(line), MaxRejection)}
}

func (e *RejectedError) Error() string { return string(e.Cause) + ": " + e.Message }

// Final reports whether the cause is in the namespace that the caller chose. A
// permission that the operator lacks affects every caller and is fixed for all at once.
func (e *RejectedError) Final() bool { return e.Cause != PermissionMissing }

// NeverStored reports whether a retry of the same write always fails: the error is an
// *InvalidError, a RejectedError that is final, or ErrForbidden.
func NeverStored(err error) bool {
	if _, invalid := errors.AsType[*InvalidError](err); invalid {
		return true
	}
	rejected, ok := errors.AsType[*RejectedError](err)
	return ok && rejected.Final() || errors.Is(err, ErrForbidden)
}
