package flowindex

import (
	"iter"
	"slices"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Index has the flows and runs of one namespace. Entries are identified by the UID of
// their object. They are never changed, only replaced.
type Index struct {
	mu          sync.RWMutex
	tables      tables
	flows       map[string]*flowrun.Flow // all, by the UID of their object
	runs        map[string]*flowrun.Run  // all, by the UID of their object
	snapshot    *snapshot                // of the tables as they are; nil after a change
	subscribers []*subscriber
}

// subscriber receives the changes of runs.
type subscriber struct {
	change func(before, after *flowrun.Run)
}

// New returns an empty index. registered reports whether the object of a flow was created
// over REST: it has the name of the flow before all others.
func New(registered func(*flowrun.Flow) bool) *Index {
	return &Index{tables: newTables(registered), flows: map[string]*flowrun.Flow{}, runs: map[string]*flowrun.Run{}}
}

// PutFlow adds a flow, or replaces the version of its object that the index has.
func (x *Index) PutFlow(flow *flowrun.Flow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replaceFlow(flow.Ref.UID, flow)
}

// RemoveFlow removes the flow of an object.
func (x *Index) RemoveFlow(uid string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replaceFlow(uid, nil)
}

func (x *Index) replaceFlow(uid string, flow *flowrun.Flow) {
	x.snapshot = nil
	if known := x.flows[uid]; known != nil {
		x.tables.flows.remove(known)
		delete(x.flows, uid)
	}
	if flow != nil {
		x.tables.flows.put(flow)
		x.flows[uid] = flow
	}
}

// PutRun adds a run, or replaces the version of its object that the index has. The id of
// an object does not change.
func (x *Index) PutRun(run *flowrun.Run) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replaceRun(run.ID, run.Ref.UID, run)
}

// RemoveRun removes the run of an object.
func (x *Index) RemoveRun(uid string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if known := x.runs[uid]; known != nil {
		x.replaceRun(known.ID, uid, nil)
	}
}

func (x *Index) replaceRun(id, uid string, run *flowrun.Run) {
	before := x.tables.runs.id(id)
	x.snapshot = nil
	if known := x.runs[uid]; known != nil {
		x.tables.runs.remove(known)
		delete(x.runs, uid)
	}
	if run != nil {
		x.tables.runs.put(run)
		x.runs[uid] = run
	}
	if after := x.tables.runs.id(id); after != before {
		for _, s := range x.subscribers {
			s.change(before, after)
		}
	}
}

// Flow returns the flow with an id, nil if there is none.
func (x *Index) Flow(id string) *flowrun.Flow {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tables.flows.id(id)
}

// FlowHolder returns the flow that has the name or the id of the flow of an object instead
// of it; nil if it has both itself. It is false for an unknown object.
func (x *Index) FlowHolder(uid string) (holder *flowrun.Flow, known bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	flow := x.flows[uid]
	if flow == nil {
		return nil, false
	}
	if first := x.tables.flows.holder(flow.Name); first != flow {
		return first, true
	}
	if first := first(x.tables.flows.byID, &flowrun.Flow{ID: flow.ID}); first != flow {
		return first, true
	}
	return nil, true
}

// FlowNamed returns the flow with a name, nil if there is none.
func (x *Index) FlowNamed(name string) *flowrun.Flow {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tables.flows.name(name)
}

// Run returns the run with an id, nil if there is none.
func (x *Index) Run(id string) *flowrun.Run {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tables.runs.id(id)
}

// RunByKey returns the run with a key, nil if there is none.
func (x *Index) RunByKey(key flowrun.Key) *flowrun.Run {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tables.runs.key(key)
}

// State returns the state with an id and its run, nil if there is none. It looks at every
// run.
func (x *Index) State(id string) (*orchestration.State, *flowrun.Run) {
	for run := range x.Snapshot().Runs() {
		if state := run.StateByID(id); state != nil {
			return state, run
		}
	}
	return nil, nil
}

// Snapshot returns all flows and runs as they are now.
func (x *Index) Snapshot() flowrun.Snapshot {
	x.mu.RLock()
	known := x.snapshot
	x.mu.RUnlock()
	if known != nil {
		return known
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.snapshotLocked()
}

func (x *Index) snapshotLocked() *snapshot {
	if x.snapshot == nil {
		x.snapshot = &snapshot{x.tables.clone()}
	}
	return x.snapshot
}

// Follow calls change at each change of a run, in order and under the lock of the index,
// until stop is called. It returns the runs before the first of these changes. A run whose
// id another object has does not count.
func (x *Index) Follow(change func(before, after *flowrun.Run)) (now iter.Seq[*flowrun.Run], stop func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &subscriber{change}
	x.subscribers = append(x.subscribers, s)
	return x.snapshotLocked().Runs(), func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.subscribers = slices.DeleteFunc(x.subscribers, func(other *subscriber) bool { return other == s })
	}
}
