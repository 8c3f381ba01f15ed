package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// RegisteredFlowName is the name of the controller of RegisteredFlows in logs, metrics and
// Events.
const RegisteredFlowName = "registeredflow-controller"

// RegisteredFlowReconciler writes the status of RegisteredFlows, so that kubectl shows the
// flow of an object, or why it is not one. It keeps no state.
type RegisteredFlowReconciler struct {
	Options
	// Objects reads RegisteredFlows from the cache.
	Objects client.Reader
	// Writer writes their status.
	Writer client.StatusClient
	// Holder returns the flow that has the name or the id of an object's flow instead of
	// it, nil for none. It is false if the object is not known yet.
	Holder func(namespace, uid string) (*flowrun.Flow, bool)
	// Observe writes the flow of an object to its status.
	Observe func(*v1alpha1.RegisteredFlow)
	// Undecodable, Ready, Clock, Events and Trace are those of ProposalReconciler.
	Undecodable func(metav1.Object) bool
	Ready       func(context.Context) error
	Clock       clock.PassiveClock
	Events      events.EventRecorder
	Trace       func(reconcile.Reconciler) reconcile.Reconciler
}

// Reconcile writes the status of one RegisteredFlow if it differs.
func (r *RegisteredFlowReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cached := &v1alpha1.RegisteredFlow{}
	err := r.Objects.Get(ctx, req.NamespacedName, cached)
	switch {
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	case err != nil:
		return conclude(ctx, Result{}, err)
	case !cached.DeletionTimestamp.IsZero(), r.Undecodable(cached):
		return ctrl.Result{}, nil
	}
	if wait := r.statusDelay(r.Clock.Now().Sub(cached.CreationTimestamp.Time)); wait > 0 {
		return requeueAfter(wait), nil
	}
	holder, known := r.Holder(req.Namespace, string(cached.UID))
	if !known {
		return requeueAfter(recheckDelay), nil // the index does not have this version yet
	}
	result, err := r.write(ctx, cached, holder)
	return conclude(ctx, result, err)
}

// write writes the status of an object whose name or id holder has; nil: it is a flow.
func (r *RegisteredFlowReconciler) write(ctx context.Context, cached *v1alpha1.RegisteredFlow, holder *flowrun.Flow) (Result, error) {
	object, result := cached.DeepCopy(), Result{}
	var why stalledCause
	newlyStalled := false
	if holder == nil {
		meta.RemoveStatusCondition(&object.Status.Conditions, v1alpha1.ConditionStalled)
		r.Observe(object)
	} else {
		why, result = whyNotFlow(object, holder), requeueAfter(duplicateInterval)
		object.Status.ObservedGeneration = object.Generation
		current := stalledObject{object, &object.Status.Conditions, &object.Status.ObservedGeneration}
		newlyStalled = setStalled(current, why, r.Clock)
	}
	if equality.Semantic.DeepEqual(&cached.Status, &object.Status) {
		return result, nil
	}
	err := r.Writer.Status().Update(ctx, object)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return requeueAfter(afterConflict), nil // the cache is stale, or the object was deleted
	case err != nil:
		return Result{}, err
	case newlyStalled:
		recorder{r.Events}.emit(object, corev1.EventTypeWarning, why.reason, actionIdentify, why.message)
	}
	return result, nil
}

// whyNotFlow returns why an object is not a flow, with the fix.
func whyNotFlow(object *v1alpha1.RegisteredFlow, holder *flowrun.Flow) stalledCause {
	name := object.Spec.Name
	if name == "" {
		name = object.Name
	}
	if holder.Name == name {
		return stalledCause{reason: v1alpha1.ReasonDuplicateName, message: fmt.Sprintf(
			"The flow name %s belongs to RegisteredFlow %q, so this object is not a flow. Delete it, or create it again with another spec.name.",
			truncate(name, maxNameInMessage), holder.Ref.Name)}
	}
	return stalledCause{reason: v1alpha1.ReasonDuplicateID, message: fmt.Sprintf(
		"The id %s belongs to RegisteredFlow %q, so this object is not a flow. Delete it, or create it again with another spec.id.",
		holder.ID, holder.Ref.Name)}
}

// maxNameInMessage is how much of the name of a flow is in a message, in characters.
const maxNameInMessage = 64

// Controller returns a controller for one term as the leader, which can be started once.
func (r *RegisteredFlowReconciler) Controller(mgr ctrl.Manager) (manager.Runnable, error) {
	o := termOptions{cache: &termCache{Cache: mgr.GetCache()}, concurrency: r.Concurrency, ready: r.Ready, trace: r.Trace}
	flows := source.Kind(o.cache, &v1alpha1.RegisteredFlow{}, &handler.TypedEnqueueRequestForObject[*v1alpha1.RegisteredFlow]{})
	return newController(mgr, RegisteredFlowName, r, o, flows)
}
