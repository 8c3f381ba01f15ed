package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	written, err := r.stall(ctx, object, first.Name)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return requeueAfter(recheckDelay), nil // deleted or changed recently
	case err != nil:
		return Result{}, err
	case written:
		recorder{r.Events}.duplicate(object, first.Name)
	}
	return requeueAfter(duplicateInterval), nil
}

// stall sets the condition Stalled of a duplicate, if necessary. The index has no
// conditions, so stall reads the object from the API server. After the deletion of the
// other object, this object becomes the run, and the next write of its status removes
// the condition.
func (r *Reconciler) stall(ctx context.Context, object *v1alpha1.TaskRun, first string) (written bool, err error) {
	current := &v1alpha1.TaskRun{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(object), current); err != nil {
		return false, err
	}
	if current.UID != object.UID {
		return false, nil // deleted and created again: the new object is reconciled separately
	}
	changed := meta.SetStatusCondition(&current.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonDuplicateID,
		Message:            truncate(duplicateOf(current, first), v1alpha1.MaxConditionMessage),
		ObservedGeneration: current.Generation, LastTransitionTime: metav1.NewTime(r.Clock.Now()),
	})
	if !changed && current.Status.ObservedGeneration == current.Generation {
		return false, nil
	}
	current.Status.ObservedGeneration = current.Generation
	return true, r.Writer.Status().Update(ctx, current)
}

// duplicateOf returns the message about a duplicate, with the fix.
func duplicateOf(object *v1alpha1.TaskRun, first string) string {
	return fmt.Sprintf("spec.id %s belongs to TaskRun %q, so this object is not a run. Delete it, or create it again with another spec.id.",
		object.UUID(), first)
}
