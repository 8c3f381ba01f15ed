package kube

import (
	"maps"
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// flowRunListener is called about changes of FlowRun objects.
type flowRunListener struct{ call flowrun.ObjectChanged }

// OnFlowRunChange calls a function for each FlowRun object that is new, changed or deleted,
// or whose flow has become known, until stop is called. The function must neither block nor
// call a store.
func (c *Cluster) OnFlowRunChange(call flowrun.ObjectChanged) (stop func()) {
	x, one := c.flows, &flowRunListener{call}
	x.listening.Lock()
	defer x.listening.Unlock()
	x.listeners = append(x.listeners, one)
	return func() {
		x.listening.Lock()
		defer x.listening.Unlock()
		x.listeners = slices.DeleteFunc(x.listeners, func(other *flowRunListener) bool { return other == one })
	}
}

func (x *flowIndex) notify(namespace, name string, run *flowrun.Run) {
	if run != nil && run.FlowID == "" {
		run = nil // its flow is not known
	}
	x.listening.RLock()
	defer x.listening.RUnlock()
	for _, listener := range x.listeners {
		listener.call(namespace, name, run)
	}
}

// EachFlowRun calls visit with the namespace and name of each FlowRun object that is known.
func (c *Cluster) EachFlowRun(visit func(namespace, name string)) {
	c.flows.mu.Lock()
	namespaces := maps.Clone(c.flows.namespaces)
	c.flows.mu.Unlock()
	for namespace, n := range namespaces {
		n.mu.RLock()
		names := slices.Collect(maps.Keys(n.names))
		n.mu.RUnlock()
		for _, name := range names {
			visit(namespace, name)
		}
	}
}

// FlowRunObject returns what the FlowRun object with this name stands for, as it is in the
// index; nil if it does not exist or cannot be decoded.
func (c *Cluster) FlowRunObject(namespace, name string) *flowrun.Object {
	n := c.flows.known(namespace)
	n.mu.RLock()
	defer n.mu.RUnlock()
	known := n.runs[n.names[name]]
	if known == nil {
		return nil
	}
	object := &flowrun.Object{Run: known.Run, FlowName: known.FlowName}
	if holder := n.index.Run(known.Run.ID); holder != nil && holder.Ref.UID != known.Run.Ref.UID {
		object.Holder = holder
	}
	if key, ok := known.Run.Key(); ok && known.Run.FlowID != "" {
		if holder := n.index.RunByKey(key); holder != nil && holder.Ref.UID != known.Run.Ref.UID {
			object.KeyHolder = holder
		}
	}
	return object
}

// FlowHolder returns the flow that has the name or the id of the flow of a RegisteredFlow
// object; nil if the object has both. It is false if the index does not have the object.
func (c *Cluster) FlowHolder(namespace, uid string) (holder *flowrun.Flow, known bool) {
	return c.flows.known(namespace).index.FlowHolder(uid)
}
