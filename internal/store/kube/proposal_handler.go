package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// proposalHandler records the StateProposals of an informer that cannot be decoded. All
// others are only in the cache of the informer.
type proposalHandler struct{ undecodables *index.Undecodables }

func (h proposalHandler) OnAdd(object any, _ bool) {
	o, ok := object.(metav1.Object)
	if !ok {
		return
	}
	if u := undecodableOf(o); u != nil {
		h.undecodables.Put(u)
		return
	}
	h.undecodables.Supersedes(o.GetUID(), o.GetResourceVersion())
}

func (h proposalHandler) OnUpdate(before, object any) {
	was, ok := before.(metav1.Object)
	is, also := object.(metav1.Object)
	if ok && also && was.GetUID() != is.GetUID() {
		h.OnDelete(before) // after a new list, the informer does not report the deletion in between
	}
	h.OnAdd(object, false)
}

func (h proposalHandler) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(metav1.Object); ok {
		h.undecodables.Drop(o.GetUID())
	}
}
