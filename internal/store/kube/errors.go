package kube

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// translate words an API error in the store's terms. What is neither the run's
// nor the caller's fault is ErrUnavailable: it may be tried again later.
func translate(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s: %w", doing, taskrun.ErrNotFound)
	case apierrors.IsConflict(err):
		return fmt.Errorf("%s: %w", doing, taskrun.ErrConflict)
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s: %w", doing, taskrun.ErrExists)
	case apierrors.IsInvalid(err):
		return invalid(err)
	case apierrors.IsRequestEntityTooLargeError(err):
		return &taskrun.InvalidError{Field: "task_run", Reason: "larger than the cluster accepts"}
	default:
		return fmt.Errorf("%s: %w: %w", doing, taskrun.ErrUnavailable, err)
	}
}

// invalid names the first field that the API server refused.
func invalid(err error) error {
	refused := &taskrun.InvalidError{Field: "task_run", Reason: err.Error()}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			refused.Field, refused.Reason = documented(cause.Field), cause.Message
			break
		}
	}
	return refused
}

// documented turns the path of a TaskRun's field into the documented name, for
// example spec.state.stateDetails.cacheKey into state.state_details.cache_key.
func documented(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "spec."), "status.")
	path = strings.ReplaceAll(path, "ID", "Id")
	var b strings.Builder
	for _, r := range path {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
