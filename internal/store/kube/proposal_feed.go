package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

// proposalFeed records the StateProposals of an informer that cannot be decoded. All
// others are in the informer's cache only.
type proposalFeed struct{ undecodable *undecodables }

func (f proposalFeed) OnAdd(object any, _ bool) {
	o, ok := object.(metav1.Object)
	if !ok {
		return
	}
	if u := undecodableOf(o); u != nil {
		f.undecodable.put(u)
		return
	}
	f.undecodable.outdates(o.GetUID(), o.GetResourceVersion())
}

func (f proposalFeed) OnUpdate(before, object any) {
	was, ok := before.(metav1.Object)
	is, also := object.(metav1.Object)
	if ok && also && was.GetUID() != is.GetUID() {
		f.OnDelete(before) // a new list does not tell of the deletion in between
	}
	f.OnAdd(object, false)
}

func (f proposalFeed) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(metav1.Object); ok {
		f.undecodable.drop(o.GetUID())
	}
}
