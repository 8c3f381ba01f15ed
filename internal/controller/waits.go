package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

const (
	// minInterval and maxInterval limit the time between two evaluations of a proposal
	// without a final verdict, which is a tenth of its age. Only free slots need
	// polling, because the run is watched.
	minInterval = time.Second
	maxInterval = 30 * time.Second
)

// interval returns the time until the next evaluation of a proposal of this age.
func interval(age time.Duration) time.Duration { return min(max(age/10, minInterval), maxInterval) }

// waits records the proposals without a final verdict, by their runs, so that a
// change of a run wakes those that wait for it. The zero value is ready to use.
type waits struct {
	mu        sync.Mutex
	proposals map[types.NamespacedName]*wait
	runs      map[types.NamespacedName]map[types.NamespacedName]*wait
}

// wait is the record of one proposal.
type wait struct {
	uid   types.UID // of the proposal
	run   types.NamespacedName
	since time.Time // first evaluation, by the clock of this replica
	state string    // id of the state of the run during the wait; empty: not known yet
}

// begin records a proposal before its run is read, so that a later change of the run
// requeues the proposal. It returns the time since the first call.
func (w *waits) begin(p *v1alpha1.StateProposal, now time.Time) (age time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := client.ObjectKeyFromObject(p)
	if known := w.proposals[name]; known != nil && known.uid == p.UID {
		return now.Sub(known.since)
	}
	w.forget(name)
	if w.proposals == nil {
		w.proposals, w.runs = map[types.NamespacedName]*wait{}, map[types.NamespacedName]map[types.NamespacedName]*wait{}
	}
	one := &wait{uid: p.UID, run: client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.TargetRef.Name}, since: now}
	if w.runs[one.run] == nil {
		w.runs[one.run] = map[types.NamespacedName]*wait{}
	}
	w.proposals[name], w.runs[one.run][name] = one, one
	return 0
}

// in records the state of the run during the wait of a proposal.
func (w *waits) in(p *v1alpha1.StateProposal, state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.proposals[client.ObjectKeyFromObject(p)]; one != nil {
		one.state = state
	}
}

// end removes a proposal.
func (w *waits) end(proposal types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(proposal)
}

func (w *waits) forget(proposal types.NamespacedName) {
	one := w.proposals[proposal]
	if one == nil {
		return
	}
	delete(w.proposals, proposal)
	delete(w.runs[one.run], proposal)
	if len(w.runs[one.run]) == 0 {
		delete(w.runs, one.run)
	}
}

// any reports whether a proposal waits for a run.
func (w *waits) any(run types.NamespacedName) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.runs[run]) > 0
}

// outside returns the proposals whose recorded state of the run differs from this one.
// An empty state returns all.
func (w *waits) outside(run types.NamespacedName, state string) (proposals []reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, one := range w.runs[run] {
		if one.state == "" || one.state != state { // empty: the run may have been read before the change
			proposals = append(proposals, reconcile.Request{NamespacedName: name})
		}
	}
	return proposals
}

// runEvents returns the handler that requeues proposals after events of TaskRuns. A
// deletion requeues all proposals of the run, because the index may still have it.
func (r *ProposalReconciler) runEvents() handler.TypedEventHandler[*v1alpha1.TaskRun, reconcile.Request] {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	enqueue := func(q queue, requests []reconcile.Request) {
		for _, request := range requests {
			q.Add(request)
		}
	}
	return handler.TypedFuncs[*v1alpha1.TaskRun, reconcile.Request]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[*v1alpha1.TaskRun], q queue) {
			enqueue(q, r.affected(ctx, e.Object))
		},
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[*v1alpha1.TaskRun], q queue) {
			enqueue(q, r.affected(ctx, e.ObjectNew))
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[*v1alpha1.TaskRun], q queue) {
			enqueue(q, r.waits.outside(client.ObjectKeyFromObject(e.Object), ""))
		},
	}
}

// affected returns the proposals to evaluate after a change of a TaskRun.
func (r *ProposalReconciler) affected(ctx context.Context, object *v1alpha1.TaskRun) []reconcile.Request {
	name := client.ObjectKeyFromObject(object)
	if !r.waits.any(name) {
		return nil
	}
	state := ""
	run, err := r.Proposals(object.Namespace).Get(ctx, object.UUID())
	if err == nil && run.Ref.UID == string(object.UID) && run.State != nil {
		state = run.State.ID
	}
	return r.waits.outside(name, state)
}
