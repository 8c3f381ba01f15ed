package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// changes returns a source of all objects, and of each object that changes in the index:
// its status, too, because writes of REST do not change the generation. A change of an
// object also requeues the runs that wait for it, because it can make the object a run. The
// objects that exist at the start have the lowest priority in the queue. A run for which
// there is nothing to do yet is requeued when there can be, see untilDue.
func (r *Reconciler) changes() source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		stop := r.OnChange(func(namespace, name string, run *taskrun.Run) {
			object := types.NamespacedName{Namespace: namespace, Name: name}
			if wait := r.untilDue(run); wait > 0 {
				addLowPriorityAfter(queue, wait, reconcile.Request{NamespacedName: object})
			} else {
				queue.Add(reconcile.Request{NamespacedName: object})
			}
			for _, request := range r.references.to(object) {
				queue.Add(request)
			}
		})
		context.AfterFunc(ctx, stop)
		var all []reconcile.Request
		r.EachObject(func(namespace, name string) {
			all = append(all, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
		})
		addLowPriority(queue, all)
		return nil
	})
}

// untilDue returns the time before which no step does anything for a run that was created
// over REST and not changed since. It is 0 for all other objects.
func (r *Reconciler) untilDue(run *taskrun.Run) time.Duration {
	if run == nil || !run.StatusStale || !onlyWrittenByREST(run) || len(run.Named.Unresolved()) > 0 {
		return 0
	}
	if run.State == nil || run.State.Type.Terminal() { // it can expire
		return 0
	}
	return r.statusDelay(r.Clock.Now().Sub(run.Created))
}
