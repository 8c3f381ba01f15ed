package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// translate returns an API error as an error of the store: ErrUnavailable if a retry
// can succeed, a *taskrun.RejectedError if the cluster has to be changed. Permissions count as missing only if the API server is ready:
// while it starts, it has not read its roles yet.
func (c *Cluster) translate(ctx context.Context, doing string, err error) error {
	translated := translate(doing, err)
	rejected, ok := errors.AsType[*taskrun.RejectedError](translated)
	if ok && rejected.Cause == taskrun.PermissionMissing && !c.Direct.ready(ctx) {
		return unavailable(doing, err)
	}
	return translated
}

// translateCreate is translate for the create of an object, where "not found" does not
// mean the object.
func (c *Cluster) translateCreate(ctx context.Context, doing string, err error) error {
	translated := c.translate(ctx, doing, err)
	if errors.Is(translated, taskrun.ErrNotFound) {
		return unavailable(doing, err)
	}
	return translated
}

// translate is Cluster.translate without a check of the API server.
func translate(doing string, err error) error {
	var undecodable *taskrun.UndecodableError
	rejected := rejection(err)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &undecodable): // without the wrapping of the client
		return fmt.Errorf("%s: %w", doing, undecodable)
	case rejected != nil:
		return fmt.Errorf("%s: %w", doing, rejected)
	case apierrors.IsRequestEntityTooLargeError(err):
		return &taskrun.InvalidError{Field: wholeRun, Reason: "larger than the cluster accepts"}
	default:
		return translateStatus(doing, err)
	}
}

// translateStatus returns the sentinel errors of the store.
func translateStatus(doing string, err error) error {
	switch {
	case apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		// The response is not about a TaskRun. For example, the "page not found" of an API
		// server that is still starting does not mean that a run was deleted.
		return unavailable(doing, err)
	case apierrors.IsNotFound(err), absent(err):
		return fmt.Errorf("%s: %w", doing, taskrun.ErrNotFound)
	case apierrors.IsConflict(err), refusedUID(err):
		return fmt.Errorf("%s: %w", doing, taskrun.ErrConflict)
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s: %w", doing, taskrun.ErrExists)
	case apierrors.IsInvalid(err):
		return invalid(err)
	case apierrors.IsBadRequest(err):
		return fmt.Errorf("%s: %w", doing, err) // a bug of the operator: a retry does not help
	default:
		return unavailable(doing, err)
	}
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, taskrun.ErrUnavailable, err)
}

// absent reports whether a write failed because the object does not exist. Older
// API servers compare the UID of a write with that of the missing object, which is
// empty, and report a conflict.
func absent(err error) bool {
	return apierrors.IsConflict(err) && strings.HasSuffix(err.Error(), "UID in object meta: ")
}

// refusedUID reports whether a patch was for another object: the API server reports a
// patch of another uid as invalid, not as a conflict.
func refusedUID(err error) bool {
	causes := causesOf(err)
	return apierrors.IsInvalid(err) && len(causes) > 0 && causes[0].Field == "metadata.uid"
}

func causesOf(err error) []metav1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	return status.Status().Details.Causes
}

// wholeRun is the field if no single field is invalid.
const wholeRun = "task_run"

// invalid returns an error with the first field that the API server rejected.
func invalid(err error) error {
	causes := causesOf(err)
	if len(causes) == 0 {
		return &taskrun.InvalidError{Field: wholeRun, Reason: err.Error()}
	}
	return &taskrun.InvalidError{Field: documented(causes[0].Field), Reason: causes[0].Message}
}

// documented converts the path of a TaskRun's field to the documented name, for example
// spec.initialState.stateDetails.cacheKey to state.state_details.cache_key.
func documented(path string) string {
	root, field, _ := strings.Cut(path, ".")
	switch {
	case root != "spec" && root != "status":
		field = path
	case field == "", strings.HasPrefix(field, "origin"):
		return wholeRun
	}
	// The part after the name of a map is a key and is not converted.
	if key, ok := strings.CutPrefix(field, "labels"); ok {
		return "labels" + key
	}
	if state, ok := strings.CutPrefix(field, "initialState"); ok {
		field = "state" + state
	}
	return snake(strings.TrimSuffix(field, "JSON"))
}

// snake converts camelCase to snake_case.
func snake(name string) string {
	name = strings.ReplaceAll(name, "ID", "Id")
	var b strings.Builder
	for _, r := range name {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
