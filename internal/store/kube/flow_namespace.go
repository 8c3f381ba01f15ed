package kube

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/flowindex"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// flowNamespace holds the flows and flow runs of one namespace: the newest versions from
// the watches and from own calls.
type flowNamespace struct {
	index        *flowindex.Index
	undecodables *index.Undecodables                 // of all namespaces
	changed      func(name string, run *flowrun.Run) // called under mu about an object that has become a run

	mu         sync.RWMutex // before the lock of index
	runs       map[types.UID]*convert.FlowRun
	names      map[string]types.UID // of runs, by the name of their object
	flows      map[types.UID]*flowrun.Flow
	flowIDs    map[string]string             // ids of flows by the name of their object
	waiting    map[string]map[types.UID]bool // runs that are not in index: their flow is not known; by the name of its object
	tombstones index.Tombstones
}

func newFlowNamespace(undecodables *index.Undecodables, changed func(name string, run *flowrun.Run)) *flowNamespace {
	return &flowNamespace{
		index: flowindex.New(convert.IsRegistered), undecodables: undecodables, changed: changed, tombstones: index.NewTombstones(),
		runs: map[types.UID]*convert.FlowRun{}, names: map[string]types.UID{}, flows: map[types.UID]*flowrun.Flow{},
		flowIDs: map[string]string{}, waiting: map[string]map[types.UID]bool{},
	}
}

// putRun adds a version of a run, unless a newer one is known. It returns the version,
// with the id of its flow if that is known.
func (n *flowNamespace) putRun(run *convert.FlowRun) *convert.FlowRun {
	n.mu.Lock()
	defer n.mu.Unlock()
	uid := types.UID(run.Run.Ref.UID)
	known := n.runs[uid]
	run = n.withFlow(run, known)
	if n.outdated(uid, run.Run.Ref.ResourceVersion) || (known != nil && !newer(run.Run.Ref.ResourceVersion, known.Run.Ref.ResourceVersion)) {
		return run
	}
	n.runs[uid], n.names[run.Run.Ref.Name] = run, uid
	if run.Run.FlowID != "" {
		n.index.PutRun(run.Run)
		return run
	}
	if n.waiting[run.FlowName] == nil {
		n.waiting[run.FlowName] = map[types.UID]bool{}
	}
	n.waiting[run.FlowName][uid] = true
	return run
}

// withFlow returns the run with the id of its flow, if that is known. A run keeps the flow
// that an earlier version had, even if the object of the flow was deleted since.
func (n *flowNamespace) withFlow(run, known *convert.FlowRun) *convert.FlowRun {
	if run.Run.FlowID != "" {
		return run
	}
	id := n.flowIDs[run.FlowName]
	if known != nil && known.Run.FlowID != "" {
		id = known.Run.FlowID
	}
	if id == "" {
		return run
	}
	with, found := *run, *run.Run
	found.FlowID = id
	with.Run = &found
	return &with
}

// outdated reports whether a version of an object is not to be added: the object was
// deleted, or a newer version cannot be decoded.
func (n *flowNamespace) outdated(uid types.UID, version string) bool {
	return n.tombstones.Has(uid) || n.undecodables.Supersedes(uid, version)
}

func newer(version, known string) bool { return index.CompareVersions(version, known) > 0 }

// putFlow adds a version of a flow, unless a newer one is known, and the runs that waited
// for it.
func (n *flowNamespace) putFlow(flow *flowrun.Flow) {
	n.mu.Lock()
	defer n.mu.Unlock()
	uid := types.UID(flow.Ref.UID)
	known := n.flows[uid]
	if n.outdated(uid, flow.Ref.ResourceVersion) || (known != nil && !newer(flow.Ref.ResourceVersion, known.Ref.ResourceVersion)) {
		return
	}
	n.flows[uid] = flow
	n.flowIDs[flow.Ref.Name] = flow.ID
	n.index.PutFlow(flow)
	for uid := range n.waiting[flow.Ref.Name] {
		if run := n.runs[uid]; run != nil {
			n.runs[uid] = n.withFlow(run, nil)
			n.index.PutRun(n.runs[uid].Run)
			n.changed(run.Run.Ref.Name, n.runs[uid].Run)
		}
	}
	delete(n.waiting, flow.Ref.Name)
}

// remove removes the flow or the run of an object that was deleted.
func (n *flowNamespace) remove(uid types.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tombstones.Add(uid)
	n.undecodables.Drop(uid)
	n.drop(uid)
}

// drop removes the flow or the run of an object.
func (n *flowNamespace) drop(uid types.UID) {
	if run := n.runs[uid]; run != nil {
		delete(n.runs, uid)
		if n.names[run.Run.Ref.Name] == uid {
			delete(n.names, run.Run.Ref.Name)
		}
		if delete(n.waiting[run.FlowName], uid); len(n.waiting[run.FlowName]) == 0 {
			delete(n.waiting, run.FlowName)
		}
		n.index.RemoveRun(string(uid))
	}
	if flow := n.flows[uid]; flow != nil {
		delete(n.flows, uid)
		if n.flowIDs[flow.Ref.Name] == flow.ID {
			delete(n.flowIDs, flow.Ref.Name)
		}
		n.index.RemoveFlow(string(uid))
	}
}

// putUndecodable records an object that cannot be decoded, and removes its older version.
func (n *flowNamespace) putUndecodable(u *index.Undecodable) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tombstones.Has(u.UID) {
		return
	}
	if run := n.runs[u.UID]; run != nil && newer(run.Run.Ref.ResourceVersion, u.ResourceVersion) {
		return
	}
	if flow := n.flows[u.UID]; flow != nil && newer(flow.Ref.ResourceVersion, u.ResourceVersion) {
		return
	}
	n.drop(u.UID)
	n.undecodables.Put(u)
}

// version returns the version of a run that the reference is about, nil if another one or
// none is known.
func (n *flowNamespace) version(uid types.UID, resourceVersion string) *convert.FlowRun {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if run := n.runs[uid]; run != nil && run.Run.Ref.ResourceVersion == resourceVersion {
		return run
	}
	return nil
}
