package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var errOther = errors.New("none of the store's")

// storageError is the API server's text for a write of another UID.
func storageError(wanted, found string) error {
	return fmt.Errorf("StorageError: invalid object, Code: 4, Key: /registry/taskrun.dev/taskruns/n/x, ResourceVersion: 0, "+
		"AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object meta: %s", wanted, found)
}

func TestTranslate_errorsOfTheAPIServer(t *testing.T) {
	t.Parallel()
	runs := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "taskruns"}
	kind := v1alpha1.GroupVersion.WithKind("TaskRun").GroupKind()
	bare := func(code int) error { // not a Status, such as a page of a proxy
		return apierrors.NewGenericServerResponse(code, http.MethodGet, runs, "x", "a page", 0, true)
	}
	sentinels := []error{taskrun.ErrNotFound, taskrun.ErrConflict, taskrun.ErrExists, taskrun.ErrUnavailable}
	cases := map[string]struct {
		err  error
		want error
	}{
		"the object does not exist":      {apierrors.NewNotFound(runs, "x"), taskrun.ErrNotFound},
		"the route does not exist (yet)": {bare(http.StatusNotFound), taskrun.ErrUnavailable},
		"another version":                {apierrors.NewConflict(runs, "x", errOther), taskrun.ErrConflict},
		"the object does not exist, as older API servers report it": {
			apierrors.NewConflict(runs, "x", storageError("u", "")), taskrun.ErrNotFound,
		},
		"another object, by its UID":         {apierrors.NewConflict(runs, "x", storageError("u", "v")), taskrun.ErrConflict},
		"a conflict from a proxy":            {bare(http.StatusConflict), taskrun.ErrUnavailable},
		"the name is in use":                 {apierrors.NewAlreadyExists(runs, "x"), taskrun.ErrExists},
		"too many requests":                  {apierrors.NewTooManyRequests("later", 1), taskrun.ErrUnavailable},
		"a plugin that is starting":          {apierrors.NewForbidden(runs, "x", errors.New("not yet ready to handle request")), taskrun.ErrUnavailable},
		"a quota that is not counted yet":    {apierrors.NewForbidden(runs, "x", errors.New("status unknown for quota: q, resources: count/taskruns")), taskrun.ErrUnavailable},
		"a forbidden from a proxy":           {bare(http.StatusForbidden), taskrun.ErrUnavailable},
		"no permission":                      {apierrors.NewUnauthorized("who"), taskrun.ErrUnavailable},
		"an error of the API server or etcd": {apierrors.NewInternalError(errOther), taskrun.ErrUnavailable},
		"the API server is stopping":         {apierrors.NewServiceUnavailable("stopping"), taskrun.ErrUnavailable},
		"the API server timed out":           {apierrors.NewTimeoutError("slow", 1), taskrun.ErrUnavailable},
		"etcd timed out":                     {apierrors.NewServerTimeout(runs, "get", 1), taskrun.ErrUnavailable},
		"connection refused": {
			&url.Error{Op: "Get", URL: "https://x", Err: syscall.ECONNREFUSED}, taskrun.ErrUnavailable,
		},
		"no response in time":        {context.DeadlineExceeded, taskrun.ErrUnavailable},
		"the caller disconnected":    {context.Canceled, taskrun.ErrUnavailable},
		"a body that cannot be read": {apierrors.NewBadRequest("unknown field"), nil},
		"a patch of another object":  {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("metadata", "uid"), "u", "field is immutable")}), taskrun.ErrConflict},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := translate("doing it", tc.err)
			for _, sentinel := range sentinels {
				if is := errors.Is(got, sentinel); is != (sentinel == tc.want) { //nolint:errorlint // the same error value
					t.Errorf("error %q is %q: %v", got, sentinel, is)
				}
			}
			if got == nil || (tc.want == taskrun.ErrUnavailable && !errors.Is(got, tc.err)) { //nolint:errorlint // the same error value
				t.Errorf("error %v does not tell the cause, %v", got, tc.err)
			}
		})
	}
	if err := translate("doing it", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestInvalid_namesTheDocumentedField(t *testing.T) {
	t.Parallel()
	kind := v1alpha1.GroupVersion.WithKind("TaskRun").GroupKind()
	refused := func(path string) error {
		return apierrors.NewInvalid(kind, "x", field.ErrorList{{Type: field.ErrorTypeTooLong, Field: path, Detail: "too long"}})
	}
	cases := map[string]struct {
		err  error
		want string
	}{
		"a field of spec":                 {refused("spec.flowRunID"), "flow_run_id"},
		"a nested field":                  {refused("spec.initialState.stateDetails.cacheKey"), "state.state_details.cache_key"},
		"an item of a list":               {refused("spec.empiricalPolicy.retryDelay[3]"), "empirical_policy.retry_delay[3]"},
		"a field of status":               {refused("status.state.dataJSON"), "state.data"},
		"the data of the first state":     {refused("spec.initialState.dataJSON"), "state.data"},
		"a key of labels":                 {refused("spec.labels.Team"), "labels.Team"},
		"a value in origin.wire":          {refused("spec.origin.wire"), "task_run"},
		"all labels":                      {refused("spec.labels"), "labels"},
		"an input":                        {refused("spec.taskInputs[3].sources[0].name"), "task_inputs[3].sources[0].name"},
		"all of spec":                     {refused("spec"), "task_run"},
		"all of status":                   {refused("status"), "task_run"},
		"an unknown field":                {refused("metadata.name"), "metadata.name"},
		"no field":                        {apierrors.NewInvalid(kind, "x", nil), "task_run"},
		"larger than the cluster accepts": {apierrors.NewRequestEntityTooLargeError("limit is 3145728"), "task_run"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *taskrun.InvalidError
			if !errors.As(translate("doing it", tc.err), &got) {
				t.Fatalf("got %v, want an InvalidError", translate("doing it", tc.err))
			}
			if diff := cmp.Diff(tc.want, got.Field); diff != "" || got.Reason == "" {
				t.Errorf("reason %q, field (-want +got):\n%s", got.Reason, diff)
			}
		})
	}
}
