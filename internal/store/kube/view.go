package kube

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// view is what this replica knows of all runs: fed by the watch, and by the
// answers to this replica's own writes, so that it reads what it wrote. Of two
// versions of an object the newer one stays, whoever brought it.
type view struct {
	mu      sync.RWMutex
	shelves map[string]*shelf // by namespace
}

func newView() *view { return &view{shelves: map[string]*shelf{}} }

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
		s = newShelf()
		v.shelves[namespace] = s
	}
	return s
}

// shelf holds the runs of one namespace and their indexes. The runs in it are
// never changed, only replaced, so readers use them without a lock.
type shelf struct {
	mu      sync.RWMutex
	entries map[types.UID]entry
	ids     index[string]
	keys    index[taskrun.NaturalKey]
	states  map[string]types.UID // of current and past states

	deleted tombstones
}

// entry is one object of a shelf.
type entry struct {
	run  *taskrun.Run
	born int64 // creation in Unix seconds: decides between objects of one id
}

func newShelf() *shelf {
	return &shelf{
		entries: map[types.UID]entry{},
		ids:     index[string]{},
		keys:    index[taskrun.NaturalKey]{},
		states:  map[string]types.UID{},
		deleted: newTombstones(),
	}
}

// put takes in a version of an object, unless a newer one is there or this
// replica has deleted the object, and returns the run it stands for.
func (s *shelf) put(object *v1alpha1.TaskRun) *taskrun.Run {
	run := runFromObject(object)
	s.mu.Lock()
	defer s.mu.Unlock()
	known, exists := s.entries[object.UID]
	if s.deleted.has(object.UID) || (exists && !newer(run, known.run)) {
		return run
	}
	if exists {
		s.unindex(object.UID, known.run)
	}
	s.entries[object.UID] = entry{run: run, born: object.CreationTimestamp.Unix()}
	s.index(object.UID, run)
	return run
}

// newer compares two versions of one object. Versions that cannot be compared
// come from the watch in order: the later one counts.
func newer(run, known *taskrun.Run) bool {
	order, err := resourceversion.CompareResourceVersion(run.Revision.Version, known.Revision.Version)
	return err != nil || order > 0
}

// remove takes out an object that this replica deleted; versions of it that are
// still under way are ignored until the watch confirms the deletion.
func (s *shelf) remove(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted.add(uid)
	s.drop(uid)
}

// confirmDeleted takes out an object that the watch saw deleted.
func (s *shelf) confirmDeleted(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted.forget(uid)
	s.drop(uid)
}

func (s *shelf) drop(uid types.UID) {
	if known, ok := s.entries[uid]; ok {
		s.unindex(uid, known.run)
		delete(s.entries, uid)
	}
}

func (s *shelf) index(uid types.UID, run *taskrun.Run) {
	s.ids.add(run.ID, uid)
	s.keys.add(run.NaturalKey(), uid)
	for _, state := range run.States() {
		s.states[state.ID] = uid
	}
}

func (s *shelf) unindex(uid types.UID, run *taskrun.Run) {
	s.ids.remove(run.ID, uid)
	s.keys.remove(run.NaturalKey(), uid)
	for _, state := range run.States() {
		if s.states[state.ID] == uid {
			delete(s.states, state.ID)
		}
	}
}

// byID returns the run with this id, nil when there is none.
func (s *shelf) byID(id string) *taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.oldest(s.ids[id])
}

// byKey returns the run with this natural key, nil when there is none.
func (s *shelf) byKey(key taskrun.NaturalKey) *taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.oldest(s.keys[key])
}

// oldest decides which of several objects counts, the same on every replica:
// the one that was there first.
func (s *shelf) oldest(uids []types.UID) *taskrun.Run {
	switch len(uids) {
	case 0:
		return nil
	case 1:
		return s.entries[uids[0]].run
	}
	first := slices.MinFunc(uids, func(a, b types.UID) int {
		return cmp.Or(cmp.Compare(s.entries[a].born, s.entries[b].born), cmp.Compare(a, b))
	})
	return s.entries[first].run
}

// byState returns the state with this id and its run, nil when there is none.
func (s *shelf) byState(id string) (*orchestration.State, *taskrun.Run) {
	s.mu.RLock()
	run := s.entries[s.states[id]].run
	s.mu.RUnlock()
	if run == nil {
		return nil, nil
	}
	for _, state := range run.States() {
		if state.ID == id {
			return &state, run
		}
	}
	return nil, nil
}

// all returns the runs of one moment. The lock is held only while their
// pointers are copied.
func (s *shelf) all() []*taskrun.Run {
	s.mu.RLock()
	defer s.mu.RUnlock()
	runs := make([]*taskrun.Run, 0, len(s.entries))
	for _, uids := range s.ids {
		runs = append(runs, s.oldest(uids))
	}
	return runs
}
