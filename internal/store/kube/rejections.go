package kube

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// causeTerminating marks a create in a namespace that is being deleted.
const causeTerminating metav1.CauseType = "NamespaceTerminating"

// fromWebhook is the prefix of the text of every denial by an admission webhook, for
// any status.
const fromWebhook = `admission webhook "`

// forbidden extracts the reason from the error text of authorizers and admission
// plugins. A policy sets the status, but not the text around its message.
var forbidden = regexp.MustCompile(`(?s)^\S+( "[^"]*")? is forbidden: (.*)`)

// passing are the prefixes of temporary reasons: an admission plugin is not ready yet
// after the start of the API server, or a new quota has not been counted yet.
var passing = []string{"not yet ready to handle request", "status unknown for quota"}

// rejection returns the reason why the API server rejects a call permanently, nil if
// it does not. It does not handle invalid objects.
func rejection(err error) *taskrun.RejectedError {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
		return nil
	}
	answer := status.Status()
	switch {
	case !lasting(answer.Code):
		return nil
	case strings.HasPrefix(answer.Message, fromWebhook):
		return taskrun.NewRejectedError(taskrun.AdmissionDenied, answer.Message)
	case answer.Reason == metav1.StatusReasonNotFound && answer.Details != nil && answer.Details.Kind == "namespaces":
		return taskrun.NewRejectedError(taskrun.NamespaceMissing, answer.Message)
	case apierrors.HasStatusCause(err, causeTerminating):
		return taskrun.NewRejectedError(taskrun.NamespaceTerminating, answer.Message)
	}
	parts := forbidden.FindStringSubmatch(answer.Message)
	if parts == nil {
		return nil
	}
	return forbiddenFor(parts[2], answer.Message)
}

// lasting reports whether a status can be permanent.
func lasting(code int32) bool {
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError &&
		code != http.StatusTooManyRequests && code != http.StatusRequestTimeout
}

// forbiddenFor classifies what the API server forbids by its reason.
func forbiddenFor(reason, message string) *taskrun.RejectedError {
	for _, beginning := range passing {
		if strings.HasPrefix(reason, beginning) {
			return nil
		}
	}
	cause := taskrun.AdmissionDenied
	switch {
	case strings.HasPrefix(reason, `User "`):
		cause = taskrun.PermissionMissing
	case strings.HasPrefix(reason, "exceeded quota: "):
		cause = taskrun.QuotaExceeded
	}
	return taskrun.NewRejectedError(cause, message)
}
