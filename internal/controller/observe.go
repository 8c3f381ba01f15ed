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
	// lookAgain is the wait for a view that is a moment behind the cache: both
	// are fed by the watch, each in its own time.
	lookAgain = 20 * time.Millisecond
	// lookAgainAtMost bounds the wait for a run that does not appear at all.
	lookAgainAtMost = 30 * time.Second
	// checkDuplicate is how often a shadowed object is looked at: nothing tells
	// when the one that shadows it goes away.
	checkDuplicate = time.Minute
)

// observe gathers what the steps work on: the only reads. Without a scope there
// is nothing to be done now.
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
		return nil, Result{}, nil // the next change of the object brings it back
	case errors.Is(err, taskrun.ErrNotFound):
		return nil, untilItAppears(r.Clock.Now().Sub(object.CreationTimestamp.Time)), nil
	case err != nil:
		return nil, Result{}, err
	case run.Ref.UID != string(object.UID):
		result, err := r.shadowed(ctx, object, run)
		return nil, result, err
	case older(run.Ref, object):
		return nil, in(lookAgain), nil
	case run.OnHold:
		return nil, Result{}, nil // the write that ends it is an event
	}
	return &scope{runs: runs, object: object, run: run}, Result{}, nil
}

// untilItAppears is the wait for the run of an object of this age. It grows with
// the age, so that an object that never becomes a run costs next to nothing.
func untilItAppears(age time.Duration) Result {
	return in(min(max(age/10, lookAgain), lookAgainAtMost))
}

// older reports whether the run was read from an earlier version of the object.
// Steps must not rest on it: no event comes when the view has caught up.
func older(run taskrun.ObjectRef, object *v1alpha1.TaskRun) bool {
	order, err := resourceversion.CompareResourceVersion(run.ResourceVersion, object.ResourceVersion)
	return err == nil && order < 0
}
