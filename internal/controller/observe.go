package controller

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// recheckDelay is the wait after an object was deleted or changed between two reads.
	recheckDelay = 20 * time.Millisecond
	// maxRecheckDelay limits the wait for a run that never appears.
	maxRecheckDelay = 30 * time.Second
	// duplicateInterval is the time between two checks of a duplicate, besides those after
	// changes.
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
	runs := r.Runs(key.Namespace)
	run, err := runs.Get(ctx, object.UUID())
	var undecodable *taskrun.UndecodableError
	switch {
	case errors.As(err, &undecodable):
		return nil, Result{}, nil // the next change of the object requeues it
	case errors.Is(err, taskrun.ErrNotFound):
		return nil, Result{}, nil // deleted since the first read
	case err != nil:
		return nil, Result{}, err
	case run.Ref.UID != string(object.UID):
		result, err := r.handleDuplicate(ctx, object, run)
		return nil, result, err
	case run.OnHold:
		return nil, Result{}, nil // the end of the hold causes an event
	}
	return &scope{runs: runs, object: object, run: run}, Result{}, nil
}

// awaitRun requeues a proposal whose run has been missing for this time. The wait grows
// with it, so that a proposal without a run costs little.
func awaitRun(missing time.Duration) Result {
	return requeueAfter(min(max(missing/10, recheckDelay), maxRecheckDelay))
}
