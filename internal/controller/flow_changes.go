package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// changes returns a source of all FlowRuns, and of each one that changes, as that of
// TaskRuns.
func (r *FlowReconciler) changes() source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		stop := r.OnChange(func(namespace, name string, run *flowrun.Run) {
			request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
			if wait := r.untilDue(run); wait > 0 {
				addLowPriorityAfter(queue, wait, request)
			} else {
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
func (r *FlowReconciler) untilDue(run *flowrun.Run) time.Duration {
	if run == nil || !run.StatusStale || !flowRunOnlyWrittenByREST(run) || run.Finished() || flowRunDue(run) != nil {
		return 0
	}
	return r.statusDelay(r.Clock.Now().Sub(run.Created))
}

// ruleChanges returns a source of the finished runs of a namespace whose default TTL has
// changed.
func (r *FlowReconciler) ruleChanges() source.Source {
	finished := finishedRuns{&r.retries, func(ctx context.Context, namespace string, visit func(name string)) error {
		return r.Runs(namespace).FinishedWithoutTTL(ctx, visit)
	}}
	return finished.source(r.OnRuleChange, &r.conflicts)
}
