package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// ruleChanges returns a source of the finished runs of a namespace whose default TTL
// has changed. They have the lowest priority in the queue.
func (r *Reconciler) ruleChanges() source.Source {
	finished := finishedRuns{&r.retries, func(ctx context.Context, namespace string, visit func(name string)) error {
		return r.Runs(namespace).FinishedWithoutTTL(ctx, visit)
	}}
	return finished.source(r.OnRuleChange, &r.conflicts)
}

// finishedRuns lists the finished runs of namespaces whose default TTL has changed.
type finishedRuns struct {
	retries *retries
	// each calls visit with the name of each finished run without a TTL of its own.
	each func(ctx context.Context, namespace string, visit func(name string)) error
}

func (f finishedRuns) source(onRuleChange func(func(namespace string)), conflicts *expirationConflicts) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		onRuleChange(func(namespace string) {
			if ctx.Err() != nil { // this term has ended; the next leader reads all runs
				return
			}
			conflicts.reset(namespace)
			if err := f.add(ctx, queue, namespace); err != nil {
				log.FromContext(ctx).Error(err, "listing finished runs after a change of the default TTL failed, retrying", "namespace", namespace)
				f.retries.start(func() { f.retry(ctx, queue, namespace) })
			}
		})
		return nil
	})
}

// add adds the finished runs of a namespace to the queue.
func (f finishedRuns) add(
	ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request], namespace string,
) error {
	var runs []reconcile.Request
	err := f.each(ctx, namespace, func(name string) {
		runs = append(runs, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
	})
	if err != nil {
		return err
	}
	log.FromContext(ctx).Info("default TTL of finished runs changed", "namespace", namespace, "count", len(runs))
	addLowPriority(queue, runs)
	return nil
}

// retry repeats add until it succeeds. The runs cannot be listed while the watch is
// disconnected.
func (f finishedRuns) retry(
	ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request], namespace string,
) {
	ticker := time.NewTicker(maxRetry)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if f.add(ctx, queue, namespace) == nil {
			return
		}
	}
}

// addLowPriority adds requests with the lowest priority.
func addLowPriority(queue workqueue.TypedRateLimitingInterface[reconcile.Request], requests []reconcile.Request) {
	addLowPriorityAfter(queue, 0, requests...)
}

// addLowPriorityAfter adds requests with the lowest priority after a wait.
func addLowPriorityAfter(
	queue workqueue.TypedRateLimitingInterface[reconcile.Request], wait time.Duration, requests ...reconcile.Request,
) {
	if priorities, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		priorities.AddWithOpts(priorityqueue.AddOpts{After: wait, Priority: new(handler.LowPriority)}, requests...)
		return
	}
	for _, request := range requests {
		queue.AddAfter(request, wait)
	}
}

// retries are the goroutines of one term that list finished runs again. The zero value
// is ready to use.
type retries struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

// start runs a function in a goroutine, unless the retries are closed.
func (r *retries) start(retry func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.group.Go(retry)
	}
}

// close waits until all functions have returned. Their context must have ended.
func (r *retries) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.group.Wait()
}
