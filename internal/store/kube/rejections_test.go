package kube

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// deniedAs returns the response to a denial by a policy or a webhook, which choose code
// and reason.
func deniedAs(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message,
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Message: message}}},
	}}
}

func TestRejection_permanentOnes(t *testing.T) {
	t.Parallel()
	runs := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "taskruns"}
	forbids := func(reason string) error { return apierrors.NewForbidden(runs, "x", errors.New(reason)) }
	leaving := apierrors.NewForbidden(runs, "x", errors.New("unable to create new content in namespace n because it is being terminated"))
	leaving.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: causeTerminating, Field: "metadata.namespace"}}
	const policy = `taskruns.taskrun.dev "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: `
	const webhook = `admission webhook "w.example.com" denied the request: `
	cases := map[string]struct {
		err       error
		want      taskrun.RejectionCause
		wantFinal bool
	}{
		"a missing namespace":                     {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "n"), taskrun.NamespaceMissing, true},
		"a terminating namespace":                 {leaving, taskrun.NamespaceTerminating, true},
		"a quota":                                 {forbids("exceeded quota: q, requested: count/taskruns.taskrun.dev=1, used: 5, limited: 5"), taskrun.QuotaExceeded, true},
		"a permission":                            {forbids(`User "system:serviceaccount:a:b" cannot create resource "taskruns" in API group "taskrun.dev" in the namespace "n"`), taskrun.PermissionMissing, false},
		"a permission without a name":             {apierrors.NewForbidden(runs, "", errors.New(`User "u" cannot list resource "taskruns"`)), taskrun.PermissionMissing, false},
		"a policy with the reason Forbidden":      {deniedAs(403, metav1.StatusReasonForbidden, policy+"no"), taskrun.AdmissionDenied, true},
		"a policy with the reason Invalid":        {deniedAs(422, metav1.StatusReasonInvalid, policy+"no"), taskrun.AdmissionDenied, true},
		"a policy with the code 413":              {deniedAs(413, metav1.StatusReasonRequestEntityTooLarge, policy+"no"), taskrun.AdmissionDenied, true},
		"a policy with the code 401":              {deniedAs(401, metav1.StatusReasonUnauthorized, policy+"no"), taskrun.AdmissionDenied, true},
		"a policy with a message of many lines":   {deniedAs(403, metav1.StatusReasonForbidden, policy+"no\nnever"), taskrun.AdmissionDenied, true},
		"a mutating policy":                       {forbids(`policy 'p' with binding 'b' denied request: no`), taskrun.AdmissionDenied, true},
		"another admission plugin":                {forbids("by a plugin"), taskrun.AdmissionDenied, true},
		"a webhook":                               {deniedAs(403, metav1.StatusReasonForbidden, webhook+"no"), taskrun.AdmissionDenied, true},
		"a webhook without a code":                {deniedAs(400, "", webhook+"no"), taskrun.AdmissionDenied, true},
		"a webhook with the code 410":             {deniedAs(404, metav1.StatusReasonNotFound, webhook+"no"), taskrun.AdmissionDenied, true},
		"a webhook with the code 409":             {deniedAs(409, metav1.StatusReasonConflict, webhook+"no"), taskrun.AdmissionDenied, true},
		"a webhook with the reason AlreadyExists": {deniedAs(409, metav1.StatusReasonAlreadyExists, webhook+"no"), taskrun.AdmissionDenied, true},
		"a webhook with the code 418":             {deniedAs(418, "Teapot", webhook+"no"), taskrun.AdmissionDenied, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := translate("doing it", tc.err)
			rejected, ok := errors.AsType[*taskrun.RejectedError](got)
			if !ok || rejected.Cause != tc.want || rejected.Final() != tc.wantFinal {
				t.Fatalf("got %v, want a rejection because of %s, final: %v", got, tc.want, tc.wantFinal)
			}
			want := strings.ReplaceAll(tc.err.Error(), "\n", " ")
			if diff := cmp.Diff(want, rejected.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRejection_temporaryOnes(t *testing.T) {
	t.Parallel()
	const webhook = `admission webhook "w.example.com" denied the request: `
	cases := map[string]error{
		"a webhook that is overloaded":        deniedAs(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, webhook+"later"),
		"a webhook that fails":                deniedAs(http.StatusInternalServerError, metav1.StatusReasonInternalError, webhook+"panic"),
		"a webhook that cannot be reached":    apierrors.NewInternalError(errors.New(`failed calling webhook "w.example.com": no route`)),
		"a webhook that takes too long":       deniedAs(http.StatusRequestTimeout, metav1.StatusReasonTimeout, webhook+"slow"),
		"a quota that could not be evaluated": apierrors.NewInternalError(errors.New("resource quota evaluation timed out")),
	}
	for name, err := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := translate("doing it", err); !errors.Is(got, taskrun.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", got)
			}
		})
	}
}

func TestRejection_messageIsTruncated(t *testing.T) {
	t.Parallel()
	got := translate("doing it", deniedAs(403, metav1.StatusReasonForbidden, fromWebhook+strings.Repeat("ä\x00\x1b", 4096)))
	rejected, ok := errors.AsType[*taskrun.RejectedError](got)
	if !ok {
		t.Fatalf("got %v, want a rejection", got)
	}
	if n := utf8.RuneCountInString(rejected.Message); n > taskrun.MaxRejection || strings.ContainsAny(rejected.Message, "\x00\x1b") {
		t.Errorf("the message has %d characters: %q, want at most %d that can be printed", n, rejected.Message, taskrun.MaxRejection)
	}
}
