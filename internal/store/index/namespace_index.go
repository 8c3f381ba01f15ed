package index

import (
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// NamespaceIndex holds the runs of one namespace. A run in it is never changed, only
// replaced, so that readers use it without a lock.
type NamespaceIndex struct {
	mu          sync.RWMutex
	entries     map[types.UID]*entry
	names       map[string]*entry
	ids         lookup[string]
	keys        lookup[taskrun.NaturalKey]
	states      lookup[string] // by ids of current and past states
	cached      lookup[string] // by keys of cache entries
	rows        rows
	interner    *interner
	tombstones  Tombstones
	deletions   recentDeletions
	lastRemoval time.Time
	clock       clock.PassiveClock // nil: deletions are not recorded

	namespace    string
	undecodables *Undecodables // of all namespaces
	changes      *changeHook   // of all namespaces
	index        *Index
	closed       atomic.Bool // another one has replaced it; set under the lock
}

// entry is one object. The lock of the NamespaceIndex guards run and row.
type entry struct {
	uid     types.UID
	created int64 // in Unix seconds: decides between objects of one id, see precedes
	run     *taskrun.Run
	list    uint32 // number of the list that delivered it, or that preceded the watch that did; see ownCall
	row     int    // position among the rows that queries see; noRow: it is not one of them
}

func newNamespaceIndex(x *Index, namespace string) *NamespaceIndex {
	return &NamespaceIndex{
		entries:    map[types.UID]*entry{},
		names:      map[string]*entry{},
		ids:        newLookup[string](),
		keys:       newLookup[taskrun.NaturalKey](),
		states:     newLookup[string](),
		cached:     newLookup[string](),
		rows:       newRows(),
		interner:   x.interner,
		tombstones: NewTombstones(),
		clock:      x.clock,

		namespace:    namespace,
		undecodables: x.undecodables,
		changes:      x.changes,
		index:        x,
	}
}

// PutObject adds the object that an own call returned, and returns its run.
func (n *NamespaceIndex) PutObject(object *v1alpha1.TaskRun) *taskrun.Run {
	return n.PutRun(&object.ObjectMeta, convert.RunFromObject(object))
}

// PutRun adds the run of an object with this metadata, which an own call returned. The
// result is the run that the index has for this version, which can be an equal one that
// was added before.
func (n *NamespaceIndex) PutRun(object *metav1.ObjectMeta, run *taskrun.Run) *taskrun.Run {
	return n.put(object, run, ownCall)
}

func (n *NamespaceIndex) put(object *metav1.ObjectMeta, run *taskrun.Run, list uint32) *taskrun.Run {
	n.interner.compact(run, n.ByUID(object.UID))
	n = n.lockCurrent()
	defer n.mu.Unlock()
	switch {
	case n.tombstones.Has(object.UID):
		return run
	case !object.DeletionTimestamp.IsZero():
		n.drop(object.UID) // only finalizers keep the object: its run cannot change any more
		return run
	case n.undecodables.Supersedes(object.UID, object.ResourceVersion):
		n.undecodables.mark(object.UID, list)
		return run
	}
	if known, ok := n.entries[object.UID]; ok {
		known.list = max(known.list, list)
		return n.replace(known, run)
	}
	if list == ownCall && n.index.covers(n.namespace, run.Ref.ResourceVersion) {
		return run // deleted since
	}
	if n.claimName(object.Name, object.UID, run) {
		n.add(&entry{uid: types.UID(run.Ref.UID), created: object.CreationTimestamp.Unix(), run: run, list: list, row: noRow})
	}
	return run
}

// replace replaces an older version by a newer one, and returns the run of this
// version.
func (n *NamespaceIndex) replace(e *entry, run *taskrun.Run) *taskrun.Run {
	switch order := compareRuns(run, e.run); {
	case order < 0:
		return run
	case order == 0:
		return e.run
	}
	old := e.run
	e.run = run
	n.reindex(e, old)
	n.notify(e)
	return run
}

// claimName decides between a new object and the one that has its name. Only one
// object has a name at a time, so the one of the older version was deleted. The
// result is false if that is the new one.
func (n *NamespaceIndex) claimName(name string, uid types.UID, run *taskrun.Run) bool {
	if other := n.undecodables.named(v1alpha1.KindTaskRun, n.namespace, name); other != nil && other.UID != uid {
		if CompareVersions(run.Ref.ResourceVersion, other.ResourceVersion) < 0 {
			n.addTombstone(uid)
			return false
		}
		n.drop(other.UID)
	}
	holder, taken := n.names[name]
	switch {
	case !taken:
		return true
	case compareRuns(run, holder.run) < 0:
		n.addTombstone(uid)
		return false
	default:
		n.drop(holder.uid)
		return true
	}
}

func compareRuns(run, known *taskrun.Run) int {
	return CompareVersions(run.Ref.ResourceVersion, known.Ref.ResourceVersion)
}

func (n *NamespaceIndex) add(e *entry) {
	n.entries[e.uid] = e
	n.names[e.run.Ref.Name] = e
	n.ids.add(e.run.ID, e)
	n.keys.add(e.run.NaturalKey(), e)
	n.addStates(e, 0)
	n.addCacheEntries(e)
	n.resolveID(e.run.ID, e)
	n.notify(e)
}

// notify reports that an object is new, has changed, or is now the run of its id or not.
func (n *NamespaceIndex) notify(e *entry) {
	var run *taskrun.Run
	if e.row != noRow {
		run = e.run
	}
	n.changes.call(n.namespace, e.run.Ref.Name, run)
}

// Remove removes a deleted object. Versions of it that arrive later, from the watch
// or in a response, are ignored.
func (n *NamespaceIndex) Remove(uid types.UID) {
	n = n.lockCurrent()
	defer n.mu.Unlock()
	n.drop(uid)
}

// drop is Remove under the lock.
func (n *NamespaceIndex) drop(uid types.UID) {
	n.addTombstone(uid)
	if u := n.undecodables.Drop(uid); u != nil {
		n.recordDeletion(u.ID)
	}
	if e, ok := n.entries[uid]; ok {
		n.takeOut(e)
		n.recordDeletion(e.run.ID)
	}
}

// addTombstone makes the index ignore versions of an object that arrive later.
func (n *NamespaceIndex) addTombstone(uid types.UID) {
	n.tombstones.Add(uid)
	if n.clock != nil {
		n.lastRemoval = n.clock.Now()
	}
}

// recordDeletion records that the run of an id was deleted, unless another object
// has the id.
func (n *NamespaceIndex) recordDeletion(id string) {
	if n.clock != nil && n.ids.first(id) == nil {
		n.deletions.add(id, n.clock.Now())
	}
}

// takeOut removes an entry from all lookup tables and rows.
func (n *NamespaceIndex) takeOut(e *entry) {
	n.ids.remove(e.run.ID, e)
	n.keys.remove(e.run.NaturalKey(), e)
	n.removeStates(e, e.run, 0)
	n.removeCacheEntries(e, e.run)
	n.rows.hide(e)
	n.resolveID(e.run.ID, e)
	delete(n.entries, e.uid)
	if name := e.run.Ref.Name; n.names[name] == e {
		delete(n.names, name)
	}
	n.changes.call(n.namespace, e.run.Ref.Name, nil)
}

// putUndecodable records an object that cannot be decoded, and removes its run.
// Unlike a deleted object, it returns with a newer version that can be decoded.
func (n *NamespaceIndex) putUndecodable(u *Undecodable) {
	n = n.lockCurrent()
	defer n.mu.Unlock()
	switch {
	case n.tombstones.Has(u.UID):
		return
	case u.DeletionTimestamp != nil:
		n.drop(u.UID)
		return
	}
	if e, ok := n.entries[u.UID]; ok {
		e.list = max(e.list, u.list)
		if CompareVersions(u.ResourceVersion, e.run.Ref.ResourceVersion) < 0 {
			return
		}
		n.takeOut(e)
	}
	if holder, taken := n.names[u.Err.Name]; taken {
		if CompareVersions(u.ResourceVersion, holder.run.Ref.ResourceVersion) < 0 {
			n.addTombstone(u.UID)
			return
		}
		n.drop(holder.uid)
	}
	if other := n.undecodables.named(v1alpha1.KindTaskRun, n.namespace, u.Err.Name); other != nil && other.UID != u.UID {
		n.drop(other.UID)
	}
	n.undecodables.Put(u)
}

// reindex updates the lookup tables and rows for what changed since the old version.
func (n *NamespaceIndex) reindex(e *entry, old *taskrun.Run) {
	if was, is := old.NaturalKey(), e.run.NaturalKey(); was != is {
		n.keys.remove(was, e)
		n.keys.add(is, e)
	}
	same := 0
	for same < stateCount(old) && same < stateCount(e.run) && stateID(old, same) == stateID(e.run, same) {
		same++
	}
	n.removeStates(e, old, same)
	n.addStates(e, same)
	n.removeCacheEntries(e, old)
	n.addCacheEntries(e)
	if old.ID != e.run.ID {
		n.ids.remove(old.ID, e)
		n.rows.hide(e)
		n.resolveID(old.ID, e)
		n.ids.add(e.run.ID, e)
	}
	n.resolveID(e.run.ID, e)
}

func (n *NamespaceIndex) addStates(e *entry, from int) {
	for i := from; i < stateCount(e.run); i++ {
		n.states.add(stateID(e.run, i), e)
	}
}

func (n *NamespaceIndex) removeStates(e *entry, run *taskrun.Run, from int) {
	for i := from; i < stateCount(run); i++ {
		n.states.remove(stateID(run, i), e)
	}
}

func (n *NamespaceIndex) addCacheEntries(e *entry) {
	for state := range e.run.CacheEntries() {
		n.cached.add(*state.Details.CacheKey, e)
	}
}

func (n *NamespaceIndex) removeCacheEntries(e *entry, run *taskrun.Run) {
	for state := range run.CacheEntries() {
		n.cached.remove(*state.Details.CacheKey, e)
	}
}

// resolveID makes exactly one object of an id the run of the id (see
// entry.precedes). No read returns the others. It reports the objects for which that
// changed, except the one whose change its caller reports.
func (n *NamespaceIndex) resolveID(id string, reported *entry) {
	first := n.ids.first(id)
	for e := range n.ids.all(id) {
		if e != first && e.row != noRow {
			n.rows.hide(e)
			n.notifyOther(e, reported)
		}
	}
	if first == nil {
		return
	}
	hidden := first.row == noRow
	n.rows.show(first)
	if hidden {
		n.notifyOther(first, reported)
	}
}

func (n *NamespaceIndex) notifyOther(e, reported *entry) {
	if e != reported {
		n.notify(e)
	}
}
