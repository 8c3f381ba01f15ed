package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// handleDuplicate sets the condition Stalled and emits an Event on an object whose id
// belongs to the run of another object.
func (r *Reconciler) handleDuplicate(ctx context.Context, object *v1alpha1.TaskRun, run *taskrun.Run) (Result, error) {
	first := &v1alpha1.TaskRun{}
	err := r.Objects.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: run.Ref.Name}, first)
	switch {
	case apierrors.IsNotFound(err):
		return requeueAfter(recheckDelay), nil // deleted recently
	case err != nil:
		return Result{}, err
	case string(first.UID) != run.Ref.UID || first.UID == object.UID:
		return requeueAfter(recheckDelay), nil // deleted and created again recently
	case taskrun.ClaimOf(run.ID, string(object.UID), object.Name) < run.IDClaim():
		return requeueAfter(recheckDelay), nil // this object has become the run since
	}
	live := &v1alpha1.TaskRun{}
	return r.staller().stall(ctx, stalledObject{live, &live.Status.Conditions, &live.Status.ObservedGeneration}, stalledCause{
		key: client.ObjectKeyFromObject(object), uid: object.UID,
		reason: v1alpha1.ReasonDuplicateID, message: duplicateOf(v1alpha1.KindTaskRun, object.UUID(), first.Name),
	})
}

func (r *Reconciler) staller() staller { return staller{r.Live, r.Writer, r.Clock, r.Events} }

// duplicateOf returns the message about an object whose id the object first has, with the fix.
func duplicateOf(kind, id, first string) string {
	return fmt.Sprintf("spec.id %s belongs to %s %q, so this object is not a run. Delete it, or create it again with another spec.id.",
		id, kind, first)
}
