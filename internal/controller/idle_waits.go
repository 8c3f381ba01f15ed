package controller

import (
	"container/list"
	"context"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// idleWaits has the runs whose first status waits for idle clients, in the order in which
// they began to wait. While clients are idle, it adds as many of them to the queue as the
// workers can write. When a client writes again, the other runs are still here, and cost
// nothing. The zero value is ready to use.
type idleWaits struct {
	mu    sync.Mutex
	queue workqueue.TypedRateLimitingInterface[reconcile.Request] // nil until the source is started
	order list.List                                               // of reconcile.Request
	runs  map[reconcile.Request]*list.Element
	woken map[reconcile.Request]struct{} // from wake until the end of the reconciliation
}

// begin removes a run when its reconciliation begins.
func (w *idleWaits) begin(run reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if element := w.runs[run]; element != nil {
		w.order.Remove(element)
		delete(w.runs, run)
	}
}

// add adds a run that has to wait, during its reconciliation. A run that was woken goes to
// the front: a client has written since.
func (w *idleWaits) add(run reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.runs == nil {
		w.runs, w.woken = map[reconcile.Request]*list.Element{}, map[reconcile.Request]struct{}{}
	}
	if _, woken := w.woken[run]; woken {
		w.runs[run] = w.order.PushFront(run)
	} else {
		w.runs[run] = w.order.PushBack(run)
	}
}

// end is called when a reconciliation has ended.
func (w *idleWaits) end(run reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.woken, run)
}

// wake adds the first runs to the queue, with the lowest priority, until limit runs are
// woken.
func (w *idleWaits) wake(limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var next []reconcile.Request
	for w.order.Len() > 0 && len(w.woken) < limit {
		run, _ := w.order.Remove(w.order.Front()).(reconcile.Request) // the list has nothing else
		delete(w.runs, run)
		w.woken[run] = struct{}{}
		next = append(next, run)
	}
	addLowPriority(w.queue, next)
}

// idleClients returns a source of the runs that wait for idle clients.
func (r *Reconciler) idleClients() source.Source {
	return r.waiting.source(r.Concurrency, r.OnIdle)
}

// endReconcile wakes the next runs while clients are idle.
func (r *Reconciler) endReconcile(req reconcile.Request) {
	r.waiting.endWith(req, r.Concurrency, r.IdleFor())
}

// source returns a source of the runs that wait. onIdle is as Reconciler.OnIdle, limit as
// that of wake.
func (w *idleWaits) source(limit int, onIdle func(after time.Duration, f func()) (stop func())) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.queue = queue
		context.AfterFunc(ctx, onIdle(idleBeforeWrite, func() { w.wake(limit) }))
		return nil
	})
}

// endWith is end. It wakes the next runs if clients are idle. The check after each
// reconciliation also finds a run that began to wait just after clients had become idle.
func (w *idleWaits) endWith(req reconcile.Request, limit int, idle time.Duration) {
	w.end(req)
	if idle >= idleBeforeWrite {
		w.wake(limit)
	}
}
