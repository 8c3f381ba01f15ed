package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// ruleChanges returns a source of the finished runs whose namespace has another
// rule for them. They go after all others in the queue.
func (r *Reconciler) ruleChanges() source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		r.OnRuleChange(func(namespace string) {
			if ctx.Err() != nil { // this term has ended; the next leader reads all runs
				return
			}
			r.corrected.forget(namespace)
			if err := r.addFinished(ctx, queue, namespace); err != nil {
				log.FromContext(ctx).Error(err, "listing finished runs after a change of their TTL failed, it is tried again", "namespace", namespace)
				go r.retryFinished(ctx, queue, namespace)
			}
		})
		return nil
	})
}

// addFinished adds the finished runs of a namespace to the queue.
func (r *Reconciler) addFinished(
	ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request], namespace string,
) error {
	var runs []reconcile.Request
	err := r.Runs(namespace).FinishedWithoutTTL(ctx, func(name string) {
		runs = append(runs, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
	})
	if err != nil {
		return err
	}
	log.FromContext(ctx).Info("the default TTL of finished runs changed", "namespace", namespace, "count", len(runs))
	addLast(queue, runs)
	return nil
}

// retryFinished is addFinished until it succeeds: the runs are not readable while
// the watch is away, and kept ones are in no queue.
func (r *Reconciler) retryFinished(
	ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request], namespace string,
) {
	ticker := time.NewTicker(lastRetry)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if r.addFinished(ctx, queue, namespace) == nil {
			return
		}
	}
}

// addLast adds requests behind all others.
func addLast(queue workqueue.TypedRateLimitingInterface[reconcile.Request], requests []reconcile.Request) {
	if priorities, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		priorities.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, requests...)
		return
	}
	for _, request := range requests {
		queue.Add(request)
	}
}
