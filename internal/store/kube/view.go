package kube

import (
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// view is what this replica knows of all runs: fed by the watch, and by the
// answers to this replica's own calls, so that it reads what it wrote. Of two
// versions of an object the newer one stays, from the watch or from an own write.
type view struct {
	mu      sync.RWMutex
	shelves map[string]*shelf // by namespace
	pool    *pool
	clock   taskrun.Clock // nil: deletions are not remembered

	undecodable *undecodables // of all Kinds
	watches     *watchHealth
	shadowed    *shadowHook
}

func newView() *view {
	return &view{shelves: map[string]*shelf{}, pool: &pool{}, undecodable: newUndecodables(), watches: newWatchHealth(), shadowed: &shadowHook{}}
}

// shelf returns the part of the view that holds one namespace.
func (v *view) shelf(namespace string) *shelf {
	v.mu.RLock()
	s := v.shelves[namespace]
	v.mu.RUnlock()
	if s != nil {
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if s = v.shelves[namespace]; s == nil {
		s = newShelf(v.pool, v.clock)
		s.namespace, s.undecodable, s.shadowed, s.view = namespace, v.undecodable, v.shadowed, v
		v.shelves[namespace] = s
	}
	return s
}

// shelf holds the runs of one namespace and their indexes. The runs in it are
// never changed, only replaced, so readers use them without a lock.
type shelf struct {
	mu      sync.RWMutex
	entries map[types.UID]*entry
	names   map[string]*entry
	ids     index[string]
	keys    index[taskrun.NaturalKey]
	states  index[string] // ids of current and past states
	cached  index[string] // keys of cache entries
	rows    rows
	pool    *pool
	// unseen are the objects that an own call told of and the watch has not
	// shown; see Cluster.Start.
	unseen map[types.UID]*entry
	buried graves
	deaths deaths
	clock  taskrun.Clock // nil: deaths are not remembered

	namespace   string
	undecodable *undecodables // of all shelves
	shadowed    *shadowHook   // of all shelves
	view        *view         // nil: the shelf is never closed
	closed      atomic.Bool   // another shelf is in its place; set under the lock
	lastBuried  time.Time
}

// entry is one object of a shelf. The lock of the shelf guards run and place.
type entry struct {
	uid   types.UID
	born  int64 // creation in Unix seconds: decides between objects of one id, see precedes
	run   *taskrun.Run
	place int // among the rows that queries see; nowhere: it is not one of them
}

func newShelf(p *pool, clock taskrun.Clock) *shelf {
	return &shelf{
		pool:    p,
		clock:   clock,
		entries: map[types.UID]*entry{},
		names:   map[string]*entry{},
		ids:     newIndex[string](),
		keys:    newIndex[taskrun.NaturalKey](),
		states:  newIndex[string](),
		cached:  newIndex[string](),
		rows:    newRows(),
		unseen:  map[types.UID]*entry{},
		buried:  newGraves(),

		undecodable: newUndecodables(),
		shadowed:    &shadowHook{},
	}
}

// put takes in what an own call was answered, and returns the run it stands for.
func (s *shelf) put(object *v1alpha1.TaskRun) *taskrun.Run { return s.take(object, false) }

// show takes in what the watch shows.
func (s *shelf) show(object *v1alpha1.TaskRun) { s.take(object, true) }

// confirm takes note that the watch has shown an object.
func (s *shelf) confirm(uid types.UID) {
	s = s.lockCurrent()
	defer s.mu.Unlock()
	s.seen(uid)
}

func (s *shelf) seen(uid types.UID) {
	delete(s.unseen, uid)
	if len(s.unseen) == 0 {
		s.unseen = map[types.UID]*entry{} // the first list was in it: maps do not shrink
	}
}

func (s *shelf) take(object *v1alpha1.TaskRun, watched bool) *taskrun.Run {
	return s.keep(&object.ObjectMeta, convert.RunFromObject(object), watched)
}

// keep takes in the run that an object of this metadata stands for.
func (s *shelf) keep(object *metav1.ObjectMeta, run *taskrun.Run, watched bool) *taskrun.Run {
	s.pool.compact(run, s.run(object.UID))
	s = s.lockCurrent()
	defer s.mu.Unlock()
	switch {
	case s.buried.has(object.UID):
		return run
	case !object.DeletionTimestamp.IsZero():
		// Only finalizers keep it: nothing can become of the run any more.
		s.bury(object.UID)
		return run
	case s.undecodable.outdates(object.UID, object.ResourceVersion):
		return run
	}
	if known, ok := s.entries[object.UID]; ok {
		return s.replace(known, run, watched)
	}
	if s.inherit(object.Name, object.UID, run) {
		e := &entry{uid: types.UID(run.Ref.UID), born: object.CreationTimestamp.Unix(), run: run, place: nowhere}
		s.add(e, watched)
	}
	return run
}

// run returns the run of an object, nil when there is none.
func (s *shelf) run(uid types.UID) *taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[uid].known()
}

// replace puts a newer version in the place of an older one, and returns the
// run that stands for this version.
func (s *shelf) replace(e *entry, run *taskrun.Run, watched bool) *taskrun.Run {
	if watched {
		s.seen(e.uid)
	}
	switch order := compare(run, e.run); {
	case order < 0:
		return run
	case order == 0:
		return e.run
	}
	old := e.run
	e.run = run
	s.reindex(e, old)
	return run
}

// inherit makes way for an object that has the name of another one. A name has
// one object at a time, so the one of the older version is gone; if that is the
// newcomer, it gets no place.
func (s *shelf) inherit(name string, uid types.UID, run *taskrun.Run) bool {
	if other := s.undecodable.named(kindTaskRun, s.namespace, name); other != nil && other.UID != uid {
		if compareVersions(run.Ref.ResourceVersion, other.Version) < 0 {
			s.ignore(uid)
			return false
		}
		s.bury(other.UID)
	}
	holder, taken := s.names[name]
	switch {
	case !taken:
		return true
	case compare(run, holder.run) < 0:
		s.ignore(uid)
		return false
	default:
		s.bury(holder.uid)
		return true
	}
}

// compare tells which of two versions is the newer one. Versions that cannot be
// compared are as new as they come.
func compare(run, known *taskrun.Run) int {
	return compareVersions(run.Ref.ResourceVersion, known.Ref.ResourceVersion)
}

func compareVersions(version, known string) int {
	order, err := resourceversion.CompareResourceVersion(version, known)
	if err != nil {
		return 1
	}
	return order
}

func (s *shelf) add(e *entry, watched bool) {
	s.entries[e.uid] = e
	s.names[e.run.Ref.Name] = e
	s.index(e)
	if !watched {
		s.unseen[e.uid] = e
	}
}

// remove takes out an object that is gone. Versions of it that are still on
// their way, from the watch or as an answer, are ignored from now on.
func (s *shelf) remove(uid types.UID) {
	s = s.lockCurrent()
	defer s.mu.Unlock()
	s.bury(uid)
}

// ignore has versions of an object that are still on their way be ignored.
func (s *shelf) ignore(uid types.UID) {
	s.buried.add(uid)
	if s.clock != nil {
		s.lastBuried = s.clock.Now()
	}
}

func (s *shelf) bury(uid types.UID) {
	s.ignore(uid)
	if u := s.undecodable.drop(uid); u != nil && s.clock != nil && s.ids.first(u.ID) == nil {
		s.deaths.add(u.ID, s.clock.Now())
	}
	e, ok := s.entries[uid]
	if !ok {
		return
	}
	s.takeOut(e)
	if s.clock != nil && s.ids.first(e.run.ID) == nil {
		s.deaths.add(e.run.ID, s.clock.Now())
	}
}

// takeOut takes an entry out of all indexes.
func (s *shelf) takeOut(e *entry) {
	s.unindex(e)
	delete(s.entries, e.uid)
	delete(s.unseen, e.uid)
	if name := e.run.Ref.Name; s.names[name] == e {
		delete(s.names, name)
	}
}

// withdraw takes out an object that exists and cannot be decoded any more. Unlike
// one that is gone, it comes back with a newer version that can be.
func (s *shelf) withdraw(u *undecodable) {
	s = s.lockCurrent()
	defer s.mu.Unlock()
	switch {
	case s.buried.has(u.UID):
		return
	case u.Deletion != nil:
		s.bury(u.UID)
		return
	}
	if e, ok := s.entries[u.UID]; ok {
		if compareVersions(u.Version, e.run.Ref.ResourceVersion) < 0 {
			return
		}
		s.takeOut(e)
	}
	if holder, taken := s.names[u.Err.Name]; taken {
		if compareVersions(u.Version, holder.run.Ref.ResourceVersion) < 0 {
			s.ignore(u.UID)
			return
		}
		s.bury(holder.uid)
	}
	if other := s.undecodable.named(kindTaskRun, s.namespace, u.Err.Name); other != nil && other.UID != u.UID {
		s.bury(other.UID)
	}
	s.undecodable.put(u)
}

func (s *shelf) index(e *entry) {
	s.ids.add(e.run.ID, e)
	s.keys.add(e.run.NaturalKey(), e)
	s.indexStates(e, 0)
	s.indexCache(e)
	s.settle(e.run.ID)
}

func (s *shelf) unindex(e *entry) {
	s.ids.remove(e.run.ID, e)
	s.keys.remove(e.run.NaturalKey(), e)
	s.unindexStates(e, e.run, 0)
	s.unindexCache(e, e.run)
	s.rows.hide(e)
	s.settle(e.run.ID)
}

// reindex is unindex and index for what changed.
func (s *shelf) reindex(e *entry, old *taskrun.Run) {
	if was, is := old.NaturalKey(), e.run.NaturalKey(); was != is {
		s.keys.remove(was, e)
		s.keys.add(is, e)
	}
	same := 0
	for same < states(old) && same < states(e.run) && stateID(old, same) == stateID(e.run, same) {
		same++
	}
	s.unindexStates(e, old, same)
	s.indexStates(e, same)
	s.unindexCache(e, old)
	s.indexCache(e)
	if old.ID != e.run.ID {
		s.ids.remove(old.ID, e)
		s.rows.hide(e)
		s.settle(old.ID)
		s.ids.add(e.run.ID, e)
	}
	s.settle(e.run.ID)
}

func (s *shelf) indexStates(e *entry, from int) {
	for i := from; i < states(e.run); i++ {
		s.states.add(stateID(e.run, i), e)
	}
}

func (s *shelf) unindexStates(e *entry, run *taskrun.Run, from int) {
	for i := from; i < states(run); i++ {
		s.states.remove(stateID(run, i), e)
	}
}

func (s *shelf) indexCache(e *entry) {
	for state := range e.run.CacheEntries() {
		s.cached.add(*state.Details.CacheKey, e)
	}
}

func (s *shelf) unindexCache(e *entry, run *taskrun.Run) {
	for state := range run.CacheEntries() {
		s.cached.remove(*state.Details.CacheKey, e)
	}
}

// settle makes one object of an id, and only that, the run of the id (see
// entry.precedes): the others are not seen in any way.
func (s *shelf) settle(id string) {
	first := s.ids.first(id)
	for e := range s.ids.all(id) {
		if e != first && e.place != nowhere {
			s.rows.hide(e)
			s.shadowed.call(s.namespace, e.run.Ref.Name)
		}
	}
	if first != nil {
		s.rows.show(first)
	}
}
