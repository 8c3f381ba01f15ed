package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// The texts of answers that are the same everywhere (contract §1.1).
const (
	textTaken = "Data integrity conflict. This usually means a unique or foreign key constraint was violated. " +
		"See server logs for details."
	textUnavailable = "Service Unavailable"
	textInternal    = "Internal Server Error"
	textNotServed   = "This namespace is not served."
)

// textOperatorForbidden tells a caller that the permission is not its own.
const textOperatorForbidden = "The operator lacks a permission in Kubernetes: "

// The keys of one-line answers: handlers of Prefect say detail, what lies below
// them says exception_message (contract §0.6).
const (
	keyDetail      = "detail"
	keyMessage     = "exception_message"
	keyExplanation = "exception_detail"
)

// The answers about slots (contract §4.6).
const (
	textLocked       = "Locked"
	textTooManySlots = "Slots requested is greater than the limit"
	textNoDecay      = "Only concurrency limits with slot decay can be used for rate limiting. " +
		"The following limits do not have a decay configured: "
	textLeaseGone = "Lease not found - it may have expired or been revoked"
)

// retryAfter is when a client may try again, in seconds.
const retryAfter = "1"

// problem is a one-line answer.
type problem struct{ key, text string }

func saysDetail(text string) func(string) problem {
	return func(string) problem { return problem{keyDetail, text} }
}

func saysRunNotFound(id string) problem {
	return problem{keyMessage, "Task run with id " + id + " not found"}
}

// notReadyError tells that runs cannot be served for now.
type notReadyError struct{ cause error }

func (e *notReadyError) Error() string { return "not ready: " + e.cause.Error() }

// message is Prefect's, and the reason where an administrator has to act.
func (e *notReadyError) message() string {
	const message = "Database is not available"
	if unfit, ok := errors.AsType[*taskrun.UnfitError](e.cause); ok {
		return message + ": " + unfit.Reason
	}
	return message
}

var errNoRoute = wire.NewDetailError(http.StatusNotFound, "Not Found")

// methodError tells that the path has no such method, but this one.
type methodError struct{ allow string }

func (e *methodError) Error() string { return "Method Not Allowed" }

// redirectError tells where else the route is.
type redirectError struct{ location string }

func (e *redirectError) Error() string { return "redirected to " + e.location }

// answerTo turns an error into an answer: the only place that does. unexpected
// tells that the error is a fault of this server.
func answerTo(err error, rt *route, r *request) (answer response, unexpected bool) {
	var (
		plain    *wire.DetailError
		notReady *notReadyError
		method   *methodError
		redirect *redirectError
		invalid  *wire.InvalidError
		bound    *taskrun.InvalidError
	)
	if answer, ok := answerAtDoor(err); ok {
		return answer, false
	}
	switch {
	case errors.Is(err, errBusy), errors.Is(err, errMemory):
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
		return answerToUseCase(err, rt, r)
	}
}

// rejectedByCluster is the answer to a write that the API server rejects for good:
// the client has no reason to try again. It is told in the API server's words.
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

// answerToUseCase answers to the errors of the use cases.
func answerToUseCase(err error, rt *route, r *request) (answer response, unexpected bool) {
	var (
		undecodable *taskrun.UndecodableError
		rejected    *taskrun.RejectedError
	)
	switch {
	case errors.As(err, &undecodable): // the object's fault, and logged when it was found
		return jsonMember(http.StatusInternalServerError, keyMessage, undecodable.Error()), false
	case errors.As(err, &rejected):
		return rejectedByCluster(rejected), false
	case errors.Is(err, taskrun.ErrNotFound) && rt.explainGone != nil:
		p := rt.explainGone(r.parameter)
		return jsonMember(http.StatusNotFound, p.key, p.text), false
	case errors.Is(err, taskrun.ErrIDTaken), errors.Is(err, taskrun.ErrExists):
		return jsonMember(http.StatusConflict, keyDetail, textTaken), false
	case errors.Is(err, taskrun.ErrConflict), errors.Is(err, taskrun.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable(), false
	default:
		return answerAboutSlots(err)
	}
}

// answerAboutSlots answers to the errors of those who ask for slots.
func answerAboutSlots(err error) (answer response, unexpected bool) {
	var (
		locked  *concurrency.LockedError
		noDecay *concurrency.NoDecayError
	)
	switch {
	case errors.As(err, &locked):
		answer = jsonMember(http.StatusLocked, keyDetail, sayLocked(locked))
		if locked.Never {
			return answer, false
		}
		return answer.with("Retry-After", pyjson.Float(locked.RetryAfter.Seconds())), false
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

// sayLocked is what is said of a limit without a free slot. That of a tag is named.
func sayLocked(e *concurrency.LockedError) string {
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
