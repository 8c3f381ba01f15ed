package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// shadowings returns a source of the objects that were runs until another object of
// their id was found that precedes them: no event tells of that.
func (r *Reconciler) shadowings() source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		r.OnShadowed(func(namespace, name string) {
			queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
		})
		return nil
	})
}

// shadowed deals with an object whose id belongs to a run made from another
// object: the condition Stalled and an Event say so.
func (r *Reconciler) shadowed(ctx context.Context, object *v1alpha1.TaskRun, run *taskrun.Run) (Result, error) {
	first := &v1alpha1.TaskRun{}
	err := r.Objects.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: run.Ref.Name}, first)
	switch {
	case apierrors.IsNotFound(err):
		return in(lookAgain), nil // deleted a moment ago
	case err != nil:
		return Result{}, err
	case string(first.UID) != run.Ref.UID || first.UID == object.UID:
		return in(lookAgain), nil // deleted and made again a moment ago
	case taskrun.ClaimOf(run.ID, string(object.UID), object.Name) < run.IDClaim():
		return untilItAppears(r.Clock.Now().Sub(object.CreationTimestamp.Time)), nil // the view does not have this one yet
	}
	written, err := r.stall(ctx, object, first.Name)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return in(lookAgain), nil // deleted or changed a moment ago
	case err != nil:
		return Result{}, err
	case written:
		recorder{r.Events}.duplicate(object, first.Name)
	}
	return in(checkDuplicate), nil
}

// stall sets the condition Stalled of an object whose id belongs to the run of
// another one, unless it is set already. The cache has no conditions, so the
// object is read from the API server. The condition goes with the next status that
// is written: when the other object is deleted, this one is the run.
func (r *Reconciler) stall(ctx context.Context, object *v1alpha1.TaskRun, first string) (written bool, err error) {
	current := &v1alpha1.TaskRun{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(object), current); err != nil {
		return false, err
	}
	if current.UID != object.UID {
		return false, nil // deleted and made again: that object has its own turn
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

// duplicateOf says why an object is not a run, and what to do.
func duplicateOf(object *v1alpha1.TaskRun, first string) string {
	return fmt.Sprintf("spec.id %s belongs to TaskRun %q: this object is not a run; delete it, or create it again with another id",
		object.UUID(), first)
}
