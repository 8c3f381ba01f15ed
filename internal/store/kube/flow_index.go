package kube

import (
	"context"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// flowIndex holds the flows and flow runs of all namespaces, from one watch of each kind.
type flowIndex struct {
	synced       []toolscache.InformerSynced
	undecodables *index.Undecodables
	data         *dataCache

	mu         sync.RWMutex
	namespaces map[string]*flowNamespace
	none       *flowNamespace // stands for a namespace without flows, which callers can name at will; it stays empty

	listening sync.RWMutex // after mu of a namespace
	listeners []*flowRunListener
}

// namespace returns the flows of one namespace. They are created if there are none.
func (x *flowIndex) namespace(name string) *flowNamespace {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.namespaces[name]
	if n == nil {
		n = newFlowNamespace(x.undecodables, func(object string, run *flowrun.Run) { x.notify(name, object, run) })
		x.namespaces[name] = n
	}
	return n
}

// known returns the flows of one namespace for reads. It creates none.
func (x *flowIndex) known(name string) *flowNamespace {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if n := x.namespaces[name]; n != nil {
		return n
	}
	return x.none
}

// watchFlows opens the watches of the flows and flow runs of all namespaces.
func watchFlows(ctx context.Context, objects cache.Cache, skipped *index.Undecodables) (*flowIndex, error) {
	x := &flowIndex{
		namespaces: map[string]*flowNamespace{}, none: newFlowNamespace(skipped, nil), undecodables: skipped, data: newDataCache(),
	}
	for _, kind := range []client.Object{&v1alpha1.RegisteredFlow{}, &v1alpha1.FlowRun{}} {
		informer, err := objects.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watching %T: %w", kind, err)
		}
		registration, err := informer.AddEventHandler(flowHandler{x})
		if err != nil {
			return nil, fmt.Errorf("watching %T: %w", kind, err)
		}
		x.synced = append(x.synced, registration.HasSynced)
	}
	return x, nil
}

// complete returns an error until the first lists are complete.
func (x *flowIndex) complete() error {
	for _, synced := range x.synced {
		if !synced() {
			return fmt.Errorf("%w: the first list of flows is not complete yet", taskrun.ErrUnavailable)
		}
	}
	return nil
}

// flowHandler adds the events of the watches to the index of flows.
type flowHandler struct{ flows *flowIndex }

func (h flowHandler) OnAdd(object any, _ bool) {
	o, ok := object.(metav1.Object)
	if !ok {
		return
	}
	n := h.flows.namespace(o.GetNamespace())
	u := undecodableOf(o)
	switch {
	case o.GetDeletionTimestamp() != nil:
		n.remove(o.GetUID())
		h.notify(object, nil)
		return
	case u != nil:
		n.putUndecodable(u)
		return
	}
	switch o := object.(type) {
	case *flowRunEntry:
		h.notify(object, n.putRun(o.run).Run)
	case *v1alpha1.RegisteredFlow:
		n.putFlow(convert.FlowFromObject(o))
	}
}

func (h flowHandler) OnUpdate(before, object any) {
	was, ok := before.(metav1.Object)
	is, also := object.(metav1.Object)
	if ok && also && was.GetUID() != is.GetUID() {
		h.OnDelete(before) // after a new list, the informer does not report the deletion in between
	}
	h.OnAdd(object, false)
}

func (h flowHandler) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(metav1.Object); ok {
		h.flows.namespace(o.GetNamespace()).remove(o.GetUID())
		h.notify(object, nil)
	}
}

// notify notifies the listeners if the object is a FlowRun.
func (h flowHandler) notify(object any, run *flowrun.Run) {
	if o, ok := object.(*flowRunEntry); ok {
		h.flows.notify(o.Namespace, o.Name, run)
	}
}
