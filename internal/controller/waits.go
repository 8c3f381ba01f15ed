package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
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
	runs      map[runKey]map[types.NamespacedName]*wait
}

// runKey identifies a run of any kind.
type runKey struct {
	kind string
	types.NamespacedName
}

// wait is the record of one proposal.
type wait struct {
	uid   types.UID // of the proposal
	run   runKey
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
		w.proposals, w.runs = map[types.NamespacedName]*wait{}, map[runKey]map[types.NamespacedName]*wait{}
	}
	of := p.Spec.TargetRef
	one := &wait{uid: p.UID, run: runKey{of.Kind, types.NamespacedName{Namespace: p.Namespace, Name: of.Name}}, since: now}
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

// outside returns the proposals whose recorded state of the run differs from this one.
// An empty state returns all.
func (w *waits) outside(run runKey, state string) (proposals []reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, one := range w.runs[run] {
		if one.state == "" || one.state != state { // empty: the run may have been read before the change
			proposals = append(proposals, reconcile.Request{NamespacedName: name})
		}
	}
	return proposals
}

// runChanges returns a source of the proposals that a change of a TaskRun affects.
func (r *ProposalReconciler) runChanges() source.Source {
	return r.affectedBy(func(add func(kind, namespace, name string, state *orchestration.State)) (stop func()) {
		return r.OnChange(func(namespace, name string, run *taskrun.Run) {
			if run == nil {
				run = &taskrun.Run{}
			}
			add(v1alpha1.KindTaskRun, namespace, name, run.State)
		})
	})
}

// flowRunChanges returns a source of the proposals that a change of a FlowRun affects.
func (r *ProposalReconciler) flowRunChanges() source.Source {
	return r.affectedBy(func(add func(kind, namespace, name string, state *orchestration.State)) (stop func()) {
		return r.OnFlowRunChange(func(namespace, name string, run *flowrun.Run) {
			if run == nil {
				run = &flowrun.Run{}
			}
			add(v1alpha1.KindFlowRun, namespace, name, run.State)
		})
	})
}

// affectedBy returns a source of the proposals to evaluate after a change of an object: those
// that were evaluated in another state of the run, or all if the object is not a run.
func (r *ProposalReconciler) affectedBy(
	follow func(add func(kind, namespace, name string, state *orchestration.State)) (stop func()),
) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		stop := follow(func(kind, namespace, name string, state *orchestration.State) {
			id := ""
			if state != nil {
				id = state.ID
			}
			for _, request := range r.waits.outside(runKey{kind, types.NamespacedName{Namespace: namespace, Name: name}}, id) {
				queue.Add(request)
			}
		})
		context.AfterFunc(ctx, stop)
		return nil
	})
}
