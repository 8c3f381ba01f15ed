package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Texts of responses that many routes have (contract §1.1).
const (
	textTaken = "Data integrity conflict. This usually means a unique or foreign key constraint was violated. " +
		"See server logs for details."
	textUnavailable  = "Service Unavailable"
	textInternal     = "Internal Server Error"
	textNotServed    = "This namespace is not served."
	textCSRFDisabled = "CSRF protection is disabled."
)

// textOperatorForbidden begins the text about a permission that the operator lacks, not the caller.
const textOperatorForbidden = "The operator lacks a permission in Kubernetes: "

// The keys of responses with one text: Prefect's handlers use detail, the layers below them exception_message
// (contract §0.6).
const (
	keyDetail      = "detail"
	keyMessage     = "exception_message"
	keyExplanation = "exception_detail"
)

// Texts of responses about slots (contract §4.6).
const (
	textLocked       = "Locked"
	textTooManySlots = "Slots requested is greater than the limit"
	textNoDecay      = "Only concurrency limits with slot decay can be used for rate limiting. " +
		"The following limits do not have a decay configured: "
	textLeaseGone = "Lease not found - it may have expired or been revoked"
)

// retryAfter is the time after which a client can retry, in seconds.
const retryAfter = "1"

// problem is a response with one text.
type problem struct{ key, text string }

func detailText(text string) func(string) problem {
	return func(string) problem { return problem{keyDetail, text} }
}

func runNotFoundText(id string) problem {
	return problem{keyMessage, "Task run with id " + id + " not found"}
}

// notReadyError means that no run can be served now.
type notReadyError struct{ cause error }

func (e *notReadyError) Error() string { return "not ready: " + e.cause.Error() }

// message returns Prefect's text, with the reason if an administrator has to act.
func (e *notReadyError) message() string {
	const message = "Database is not available"
	if unfit, ok := errors.AsType[*taskrun.UnfitError](e.cause); ok {
		return message + ": " + unfit.Reason
	}
	return message
}

var errNoRoute = wire.NewDetailError(http.StatusNotFound, "Not Found")

// methodError means that the path has no such method.
type methodError struct{ allow string }

func (e *methodError) Error() string { return "Method Not Allowed" }

// redirectError holds the location of the route.
type redirectError struct{ location string }

func (e *redirectError) Error() string { return "redirected to " + e.location }

// errorResponse is the only place where errors become responses. unexpected is true for errors of the server itself.
func errorResponse(err error, rt *route, r *request) (resp response, unexpected bool) {
	var (
		plain    *wire.DetailError
		notReady *notReadyError
		method   *methodError
		redirect *redirectError
		invalid  *wire.InvalidError
		bound    *taskrun.InvalidError
	)
	if resp, ok := authResponse(err); ok {
		return resp, false
	}
	switch {
	case errors.Is(err, limiter.ErrBusy), errors.Is(err, bytebudget.ErrFull):
		return unavailable(), false
	case errors.Is(err, ErrNotServed):
		return jsonMember(http.StatusNotFound, keyDetail, textNotServed), false
	case errors.As(err, &plain):
		return jsonMember(plain.Status, keyDetail, plain.Text), false
	case errors.As(err, &notReady):
		return jsonMember(http.StatusServiceUnavailable, "message", notReady.message()), false
	case errors.As(err, &method):
		return jsonMember(http.StatusMethodNotAllowed, keyDetail, method.Error()).with("Allow", method.allow), false
	case errors.As(err, &redirect):
		return response{status: http.StatusTemporaryRedirect}.with("Location", redirect.location), false
	case errors.As(err, &invalid):
		return response{status: http.StatusUnprocessableEntity, body: wire.AppendInvalid(nil, invalid)}, false
	case errors.As(err, &bound):
		return response{status: http.StatusUnprocessableEntity, body: wire.AppendInvalid(nil, wire.NewLimitError(bound, r.body))}, false
	default:
		return useCaseResponse(err, rt, r)
	}
}

// rejectedByCluster returns the response to a write that the API server has rejected permanently: a retry would fail
// again. The text is that of the API server.
func rejectedByCluster(e *taskrun.RejectedError) response {
	switch e.Cause {
	case taskrun.NamespaceMissing:
		return jsonMember(http.StatusNotFound, keyDetail, e.Message)
	case taskrun.PermissionMissing:
		return jsonMember(http.StatusForbidden, keyDetail, textOperatorForbidden+e.Message)
	default:
		return jsonMember(http.StatusForbidden, keyDetail, e.Message)
	}
}

// useCaseResponse returns the response to an error of a use case.
func useCaseResponse(err error, rt *route, r *request) (resp response, unexpected bool) {
	var (
		undecodable *taskrun.UndecodableError
		rejected    *taskrun.RejectedError
		edit        *flowrun.EditError
	)
	switch {
	case errors.As(err, &undecodable): // the object cannot be decoded, which is already logged
		return jsonMember(http.StatusInternalServerError, keyMessage, undecodable.Error()), false
	case errors.As(err, &rejected):
		return rejectedByCluster(rejected), false
	case errors.As(err, &edit):
		return jsonMember(http.StatusBadRequest, keyDetail, edit.Reason), false
	case errors.Is(err, taskrun.ErrNotFound) && rt.notFoundText != nil:
		p := rt.notFoundText(r.parameter)
		return jsonMember(http.StatusNotFound, p.key, p.text), false
	case errors.Is(err, taskrun.ErrIDTaken), errors.Is(err, taskrun.ErrExists), errors.Is(err, taskrun.ErrUnknownParent):
		return jsonMember(http.StatusConflict, keyDetail, textTaken), false
	case errors.Is(err, taskrun.ErrConflict), errors.Is(err, taskrun.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable(), false
	default:
		return slotsResponse(err)
	}
}

// slotsResponse returns the response to an error of a request for slots.
func slotsResponse(err error) (resp response, unexpected bool) {
	var (
		locked  *concurrency.LockedError
		noDecay *concurrency.NoDecayError
	)
	switch {
	case errors.As(err, &locked):
		resp = jsonMember(http.StatusLocked, keyDetail, lockedText(locked))
		if locked.Never {
			return resp, false
		}
		return resp.with("Retry-After", pyjson.Float(locked.RetryAfter.Seconds())), false
	case errors.As(err, &noDecay):
		names := pyjson.Repr(strings.Join(noDecay.Names, ","))
		return jsonMember(http.StatusUnprocessableEntity, keyDetail, textNoDecay+names), false
	case errors.Is(err, concurrency.ErrTooManySlots):
		return jsonMember(http.StatusUnprocessableEntity, keyDetail, textTooManySlots), false
	case errors.Is(err, concurrency.ErrNoLease):
		return jsonMember(http.StatusGone, keyDetail, textLeaseGone), false
	default:
		return internalError(), true
	}
}

// lockedText returns the text about a limit without a free slot. It names the tag of the limit.
func lockedText(e *concurrency.LockedError) string {
	switch {
	case e.Tag == "":
		return textLocked
	case e.Never:
		return `The concurrency limit on tag "` + e.Tag + `" is 0 and will deadlock if the task tries to run again.`
	default:
		return "Concurrency limit for the " + e.Tag + " tag has been reached"
	}
}

func internalError() response {
	return jsonMember(http.StatusInternalServerError, keyMessage, textInternal)
}
