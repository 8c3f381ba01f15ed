package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// references records the TaskRuns that inputs of other runs name and that do not exist
// yet, so that their creation requeues those runs. Each run with such
// inputs is reconciled when the controller starts, which fills it. The zero value is
// ready to use.
type references struct {
	mu    sync.Mutex
	names map[types.NamespacedName][]string                          // by the run that names them
	runs  map[types.NamespacedName]map[types.NamespacedName]struct{} // by the name; the runs that name it
}

// set replaces the names that were not found yet of a run's inputs. It is called
// before the named objects are read: a later creation requeues the run.
func (r *references) set(run types.NamespacedName, names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range r.names[run] {
		target := types.NamespacedName{Namespace: run.Namespace, Name: name}
		delete(r.runs[target], run)
		if len(r.runs[target]) == 0 {
			delete(r.runs, target)
		}
	}
	delete(r.names, run)
	if len(names) == 0 {
		return
	}
	if r.names == nil {
		r.names, r.runs = map[types.NamespacedName][]string{}, map[types.NamespacedName]map[types.NamespacedName]struct{}{}
	}
	r.names[run] = names
	for _, name := range names {
		target := types.NamespacedName{Namespace: run.Namespace, Name: name}
		if r.runs[target] == nil {
			r.runs[target] = map[types.NamespacedName]struct{}{}
		}
		r.runs[target][run] = struct{}{}
	}
}

// to returns the runs whose inputs name an object and did not find it yet.
func (r *references) to(target types.NamespacedName) []reconcile.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := make([]reconcile.Request, 0, len(r.runs[target]))
	for run := range r.runs[target] {
		requests = append(requests, reconcile.Request{NamespacedName: run})
	}
	return requests
}
