package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// stall sets the condition Stalled on an object that is not a run: its id belongs to the
// run of another object, or its flow does not exist.
func (r *FlowReconciler) stall(ctx context.Context, req ctrl.Request, object *flowrun.Object) (Result, error) {
	why := stalledCause{key: req.NamespacedName, uid: types.UID(object.Run.Ref.UID)}
	if holder := object.Holder; holder != nil {
		first := r.Object(req.Namespace, holder.Ref.Name)
		if first == nil || first.Run.Ref.UID != holder.Ref.UID {
			return requeueAfter(recheckDelay), nil // deleted recently
		}
		why.reason, why.message = v1alpha1.ReasonDuplicateID, duplicateOf(v1alpha1.KindFlowRun, object.Run.ID, holder.Ref.Name)
	} else {
		if wait := appliedTogether - r.Clock.Now().Sub(object.Run.Created); wait > 0 {
			return requeueAfter(min(wait, appliedTogether)), nil // one manifest may have both
		}
		why.reason = v1alpha1.ReasonFlowNotFound
		why.message = fmt.Sprintf("RegisteredFlow %q does not exist in this namespace. Until it does, this object is not a run.", object.FlowName)
	}
	live := &v1alpha1.FlowRun{}
	return staller{r.Live, r.Writer, r.Clock, r.Events}.stall(ctx,
		stalledObject{live, &live.Status.Conditions, &live.Status.ObservedGeneration}, why)
}
