package controller

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// recheckDelay is the wait for an index that is behind the cache. The watch feeds
	// both independently.
	recheckDelay = 20 * time.Millisecond
	// maxRecheckDelay limits the wait for a run that never appears.
	maxRecheckDelay = 30 * time.Second
	// duplicateInterval is the time between two checks of a duplicate. The deletion of
	// the object with the same id causes no event of the duplicate.
	duplicateInterval = time.Minute
)

// observe reads the scope of the steps. A nil scope means that no step is necessary.
func (r *Reconciler) observe(ctx context.Context, key types.NamespacedName) (*scope, Result, error) {
	object := &v1alpha1.TaskRun{}
	if err := r.Objects.Get(ctx, key, object); err != nil {
		if apierrors.IsNotFound(err) {
			r.references.set(key, nil)
			return nil, Result{}, nil
		}
		return nil, Result{}, err
	}
	if !object.DeletionTimestamp.IsZero() {
		return nil, Result{}, nil
	}
	runs := r.Runs(key.Namespace)
	run, err := runs.Get(ctx, object.UUID())
	var undecodable *taskrun.UndecodableError
	switch {
	case errors.As(err, &undecodable):
		return nil, Result{}, nil // the next change of the object requeues it
	case errors.Is(err, taskrun.ErrNotFound):
		return nil, awaitIndex(r.Clock.Now().Sub(object.CreationTimestamp.Time)), nil
	case err != nil:
		return nil, Result{}, err
	case run.Ref.UID != string(object.UID):
		result, err := r.handleDuplicate(ctx, object, run)
		return nil, result, err
	case isOlder(run.Ref, object):
		return nil, requeueAfter(recheckDelay), nil
	case run.OnHold:
		return nil, Result{}, nil // the end of the hold causes an event
	}
	return &scope{runs: runs, object: object, run: run}, Result{}, nil
}

// awaitIndex requeues an object of this age that has no run in the index. The wait
// grows with the age, so that an object that never becomes a run costs little.
func awaitIndex(age time.Duration) Result {
	return requeueAfter(min(max(age/10, recheckDelay), maxRecheckDelay))
}

// isOlder reports whether the run is from an earlier version than the object. Steps
// must not use it: no event follows when the index is up to date.
func isOlder(run taskrun.ObjectRef, object *v1alpha1.TaskRun) bool {
	order, err := resourceversion.CompareResourceVersion(run.ResourceVersion, object.ResourceVersion)
	return err == nil && order < 0
}
