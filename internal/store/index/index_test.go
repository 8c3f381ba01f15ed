package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Ids of runs and states in these tests.
const (
	idA    = "0198a1b2-0000-7000-8000-00000000000a"
	idB    = "0198a1b2-0000-7000-8000-00000000000b"
	stateA = "0198a1b2-0000-7000-9000-00000000000a"
	stateB = "0198a1b2-0000-7000-9000-00000000000b"
)

// watchedIndex is the index of one namespace with the events that it gets.
type watchedIndex struct {
	*NamespaceIndex
}

func newWatchedIndex() watchedIndex { return watchedIndex{New(nil, nil).Namespace("default")} }

// OnAdd is the watch's event of a new or changed object.
func (v watchedIndex) OnAdd(o *v1alpha1.TaskRun) { putWatched(v.NamespaceIndex, o) }

// putWatched adds an object as a WatchScope does after its first list.
func putWatched(n *NamespaceIndex, o *v1alpha1.TaskRun) {
	n.put(&o.ObjectMeta, convert.RunFromObject(o), ownCall+1)
}

// OnDelete is the watch's event of a deletion.
func (v watchedIndex) OnDelete(o *v1alpha1.TaskRun) { v.Remove(o.UID) }

// all returns the visible runs.
func (v watchedIndex) all() []*taskrun.Run { return slices.Collect(v.snapshot().all()) }

// indexOf returns an index that has these objects from the watch.
func indexOf(objects []*v1alpha1.TaskRun) *NamespaceIndex {
	n := New(nil, nil).Namespace("default")
	for _, o := range objects {
		putWatched(n, o)
	}
	return n
}

func TestPut_newestVersionIsKept(t *testing.T) {
	t.Parallel()
	v1, v2, v3 := objecttest.Version("x", "u", 9), objecttest.Version("x", "u", 10), objecttest.Version("x", "u", 100)
	cases := map[string]struct {
		apply func(watchedIndex)
		want  string // name of the run; empty: no run
	}{
		"no events": {apply: func(watchedIndex) {}},
		"the watch delivers a new object": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.OnAdd(v2)
		}, want: "version 10"},
		"an own write is visible before the watch delivers it": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.PutObject(v2)
		}, want: "version 10"},
		"the watch is behind the own write": {apply: func(v watchedIndex) {
			v.PutObject(v3)
			v.OnAdd(v1)
			v.OnAdd(v2)
		}, want: "version 100"},
		"a response arrives after a later one": {apply: func(v watchedIndex) {
			v.PutObject(v2)
			v.PutObject(v1)
		}, want: "version 10"},
		"a response arrives after the watch delivered a later version": {apply: func(v watchedIndex) {
			v.OnAdd(v3)
			v.PutObject(v2)
		}, want: "version 100"},
		"a deleted run is not visible before the watch delivers the deletion": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.Remove("u")
		}},
		"the watch is behind the own deletion": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.Remove("u")
			v.OnAdd(v2)
		}},
		"a response arrives after the own deletion": {apply: func(v watchedIndex) {
			v.Remove("u")
			v.PutObject(v2)
		}},
		"a response arrives after the watch delivered the deletion": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.OnDelete(v2)
			v.PutObject(v1)
		}},
		"a response arrives after the watch confirmed the own deletion": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.Remove("u")
			v.OnDelete(v2)
			v.PutObject(v1)
		}},
		"a missed deletion is detected by a new list": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.PutObject(v3)
			v.OnDelete(v1)
		}},
		"an object that is being deleted is not a run": {apply: func(v watchedIndex) {
			v.OnAdd(v1)
			v.OnAdd(objecttest.Version("x", "u", 10, objecttest.Deleting))
		}},
		"an object that is being deleted does not become a run again": {apply: func(v watchedIndex) {
			v.PutObject(objecttest.Version("x", "u", 10, objecttest.Deleting))
			v.PutObject(v1)
		}},
		"versions that cannot be compared are applied in order of arrival": {apply: func(v watchedIndex) {
			v.OnAdd(v3)
			v.OnAdd(objecttest.Version("x", "u", 0, func(o *v1alpha1.TaskRun) { o.ResourceVersion, o.Spec.Name = "odd", "odd" }))
		}, want: "odd"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newWatchedIndex()
			tc.apply(v)
			run := v.ByID("u")
			got := ""
			if run != nil {
				got = run.Name
			}
			if got != tc.want {
				t.Errorf("run is %q, want %q", got, tc.want)
			}
			if inQueries := len(v.all()); (inQueries == 1) != (tc.want != "") {
				t.Errorf("%d runs in queries, but the run is %q", inQueries, got)
			}
		})
	}
}

// A name has one object at a time: an update with the second object means that the
// first was deleted.
func TestPut_recreatedObjectReplacesTheOld(t *testing.T) {
	t.Parallel()
	older := objecttest.Version("x", "old", 10, objecttest.WithID(idA), objecttest.WithState(stateA))
	newer := objecttest.Version("x", "new", 20, objecttest.WithID(idA), objecttest.WithState(stateB), objecttest.CreatedAfter(1))
	cases := map[string]func(watchedIndex){
		"the watch delivers both events": func(v watchedIndex) {
			v.OnAdd(older)
			v.OnDelete(older)
			v.OnAdd(newer)
		},
		"a new list delivers only the change": func(v watchedIndex) {
			v.OnAdd(older)
			v.OnAdd(newer)
		},
		"an own call returns the new object before the watch": func(v watchedIndex) {
			v.OnAdd(older)
			v.PutObject(newer)
		},
		"the watch is behind": func(v watchedIndex) {
			v.PutObject(newer)
			v.OnAdd(older)
		},
		"the watch is behind and then delivers the deletion": func(v watchedIndex) {
			v.PutObject(newer)
			v.OnAdd(older)
			v.OnDelete(older)
		},
		"a response with the old object arrives last": func(v watchedIndex) {
			v.OnAdd(newer)
			v.PutObject(older)
		},
	}
	for name, apply := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newWatchedIndex()
			apply(v)
			if run := v.ByID(idA); run == nil || run.Ref.UID != "new" {
				t.Errorf("run of the id is %+v, want the new object's", run)
			}
			if state, run := v.State(stateA); state != nil {
				t.Errorf("state of the old object is found in %+v", run.Ref)
			}
			if state, _ := v.State(stateB); state == nil {
				t.Error("state of the new object is not found")
			}
			if n := len(v.all()); n != 1 {
				t.Errorf("%d runs in queries, want 1", n)
			}
		})
	}
}

func TestPut_deletedObjectsOfOneNameDoNotReturn(t *testing.T) {
	t.Parallel()
	older, newer := objecttest.Version("x", "old", 10, objecttest.WithID(idA)), objecttest.Version("x", "new", 20, objecttest.WithID(idA))
	v := newWatchedIndex()
	v.PutObject(newer)
	v.OnAdd(older)
	v.Remove("new")
	v.PutObject(older)
	if run := v.ByID(idA); run != nil {
		t.Errorf("run is %+v, want none", run)
	}
}

// Users can create two objects with one id. The first object is then the run, in any
// order of arrival, and the other one is not visible.
func TestIDClaim_firstOfTwoObjectsIsTheRun(t *testing.T) {
	t.Parallel()
	first := objecttest.Version("z", "u9", 10, objecttest.WithID(idA), objecttest.WithKey("first"), objecttest.WithState(stateA), objecttest.CreatedAfter(1))
	same := objecttest.Version("b", "u8", 9, objecttest.WithID(idA), objecttest.WithKey("same"), objecttest.WithState(stateB), objecttest.CreatedAfter(2))
	last := objecttest.Version("a", "u1", 8, objecttest.WithID(idA), objecttest.WithKey("last"), objecttest.WithState(stateB), objecttest.CreatedAfter(2))
	objects := []*v1alpha1.TaskRun{first, same, last}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	orders := [][]*v1alpha1.TaskRun{objects, {first, same, last}, {last, same, first}, {same, first, last}}
	for i, order := range orders {
		t.Run(fmt.Sprint("in order ", i), func(t *testing.T) {
			t.Parallel()
			v := newWatchedIndex()
			for _, o := range order {
				v.OnAdd(o)
			}
			wantOnly(t, v, "u9", "first", stateA)
			v.OnDelete(first)
			wantOnly(t, v, "u1", "last", stateB)
			v.OnDelete(last)
			wantOnly(t, v, "u8", "same", stateB)
		})
	}
}

// A user who can create objects can use the id of another run in spec.id, but not its
// name or UID.
func TestIDClaim_objectWithTheIDAsNameIsTheRun(t *testing.T) {
	t.Parallel()
	old := objecttest.Version("z", "u9", 10, objecttest.WithID(idA), objecttest.WithKey("first"), objecttest.WithState(stateA))
	named := objecttest.Version(idA, "u8", 11, objecttest.WithID(idA), objecttest.WithKey("same"), objecttest.WithState(stateB), objecttest.CreatedAfter(2))
	byUID := objecttest.Version("a", idA, 12, objecttest.WithKey("last"), objecttest.WithState(stateB), objecttest.CreatedAfter(3))
	for i, order := range [][]*v1alpha1.TaskRun{{old, named, byUID}, {byUID, named, old}, {named, old, byUID}, {old, byUID, named}} {
		t.Run(fmt.Sprint("in order ", i), func(t *testing.T) {
			t.Parallel()
			v := newWatchedIndex()
			isRun := map[string]bool{} // by name, as reported
			v.index.OnChange(func(_, name string, run *taskrun.Run) { isRun[name] = run != nil })
			for _, o := range order {
				v.OnAdd(o)
			}
			wantOnly(t, v, idA, "last", stateB)
			wantRuns := func(want map[string]bool) {
				t.Helper()
				if diff := cmp.Diff(want, isRun); diff != "" {
					t.Errorf("reported to be the run of the id (-want +got):\n%s", diff)
				}
			}
			wantRuns(map[string]bool{"z": false, idA: false, "a": true})
			v.OnDelete(byUID)
			wantOnly(t, v, "u8", "same", stateB)
			wantRuns(map[string]bool{"z": false, idA: true, "a": false})
			v.OnDelete(named)
			wantOnly(t, v, "u9", "first", stateA)
			wantRuns(map[string]bool{"z": true, idA: false, "a": false})
		})
	}
}

// wantOnly checks that only this object is the run of idA.
func wantOnly(t *testing.T, v watchedIndex, uid, key, state string) {
	t.Helper()
	if run := v.ByID(idA); run == nil || run.Ref.UID != uid {
		t.Errorf("run of the id is %+v, want that of %s", run, uid)
	}
	if found, run := v.State(state); found == nil || run.Ref.UID != uid {
		t.Errorf("state %s is found in %+v, want it in %s", state, run, uid)
	}
	for _, other := range []string{"first", "same", "last"} {
		run := v.ByKey(taskrun.NaturalKey{TaskKey: "greet", DynamicKey: other})
		if (run != nil) != (other == key) {
			t.Errorf("run of the key %q is %+v while %s counts", other, run, uid)
		}
	}
	if runs := v.all(); len(runs) != 1 || runs[0].Ref.UID != uid {
		t.Errorf("%d runs in queries, want that of %s only", len(runs), uid)
	}
}

func TestLookup_firstOfTwoRunsWithOneKeyOrState(t *testing.T) {
	t.Parallel()
	first := objecttest.Version("b", "u2", 10, objecttest.WithID(idB), objecttest.WithKey("k"), objecttest.WithState(stateA))
	last := objecttest.Version("a", "u1", 8, objecttest.WithID(idA), objecttest.WithKey("k"), objecttest.WithState(stateA), objecttest.CreatedAfter(1))
	for _, order := range [][]*v1alpha1.TaskRun{{first, last}, {last, first}} {
		v := newWatchedIndex()
		for _, o := range order {
			v.OnAdd(o)
		}
		for _, want := range []string{idB, idA} {
			if run := v.ByKey(taskrun.NaturalKey{TaskKey: "greet", DynamicKey: "k"}); run == nil || run.ID != want {
				t.Errorf("run of the key is %+v, want %s", run, want)
			}
			if state, run := v.State(stateA); state == nil || run.ID != want {
				t.Errorf("state is found in %+v, want it in %s", run, want)
			}
			v.OnDelete(first)
		}
	}
}

func TestNamespaces_areSeparate(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	putWatched(x.Namespace("other"), objecttest.Version("x", "u", 1, func(o *v1alpha1.TaskRun) { o.Namespace = "other" }))
	if run := x.Namespace("default").ByID("u"); run != nil {
		t.Errorf("run of another namespace is found: %+v", run)
	}
	if run := x.Namespace("other").ByID("u"); run == nil {
		t.Error("run is not found in its namespace")
	}
}

func TestDeletedAt_numberOfRecordsIsLimited(t *testing.T) {
	t.Parallel()
	v := newWatchedIndex()
	uid := func(i int) types.UID { return types.UID(strconv.Itoa(i)) }
	const many = 5 * minTombstones
	for i := range many {
		v.Remove(uid(i))
	}
	for i := many - minTombstones; i < many; i++ {
		if !v.tombstones.Has(uid(i)) {
			t.Fatalf("deletion %d of %d is forgotten", i, many)
		}
	}
	if n := len(v.tombstones.recent) + len(v.tombstones.earlier); n > 2*minTombstones {
		t.Errorf("%d deletions are minTombstones, want at most %d", n, 2*minTombstones)
	}
}
