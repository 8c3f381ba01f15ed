package kube

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Ids of runs and states in these tests.
const (
	idA    = "0198a1b2-0000-7000-8000-00000000000a"
	idB    = "0198a1b2-0000-7000-8000-00000000000b"
	stateA = "0198a1b2-0000-7000-9000-00000000000a"
	stateB = "0198a1b2-0000-7000-9000-00000000000b"
)

// seen makes a version of an object as the API server tells of it.
func seen(name string, uid types.UID, version int, change ...func(*v1alpha1.TaskRun)) *v1alpha1.TaskRun {
	o := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: name, UID: uid, ResourceVersion: strconv.Itoa(version), Generation: 1,
		CreationTimestamp: metav1.NewTime(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)),
	}}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	o.Spec.TaskKey = new("greet")
	o.Spec.Name = "version " + strconv.Itoa(version)
	for _, c := range change {
		c(o)
	}
	return o
}

func withID(id string) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) { o.Spec.ID = id }
}

func withKey(key string) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) { o.Spec.DynamicKey = &key }
}

func withState(id string) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) {
		o.Spec.InitialState, o.Spec.Origin = &v1alpha1.ProposedState{Type: "PENDING"}, &v1alpha1.Origin{StateID: id}
	}
}

func bornAt(second int) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) {
		o.CreationTimestamp = metav1.NewTime(o.CreationTimestamp.Add(time.Duration(second) * time.Second))
	}
}

func leaving(o *v1alpha1.TaskRun) {
	o.DeletionTimestamp = new(metav1.NewTime(o.CreationTimestamp.Time))
}

// viewed is a view with what feeds it: the watch, and this replica's own calls.
type viewed struct {
	feed
	*shelf
}

// put is what happens with the answer to an own call.
func (v viewed) put(o *v1alpha1.TaskRun) { v.shelf.put(o) }

// all are the runs that queries see.
func (v viewed) all() []*taskrun.Run {
	var runs []*taskrun.Run
	runs = slices.AppendSeq(runs, v.moment().all())
	return runs
}

func newViewed() viewed {
	v := newView()
	return viewed{feed: feed{v}, shelf: v.shelf("default")}
}

func TestTheNewestVersionStays(t *testing.T) {
	t.Parallel()
	v1, v2, v3 := seen("x", "u", 9), seen("x", "u", 10), seen("x", "u", 100)
	cases := map[string]struct {
		feed func(viewed)
		want string // name of the run; empty: there is none
	}{
		"nothing came": {feed: func(viewed) {}},
		"the watch tells of a new one": {feed: func(v viewed) {
			v.OnAdd(v1, true)
			v.OnUpdate(v1, v2)
		}, want: "version 10"},
		"a write is read before the watch tells of it": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.put(v2)
		}, want: "version 10"},
		"the watch is behind the own write": {feed: func(v viewed) {
			v.put(v3)
			v.OnAdd(v1, false)
			v.OnUpdate(v1, v2)
		}, want: "version 100"},
		"an answer comes after a later one": {feed: func(v viewed) {
			v.put(v2)
			v.put(v1)
		}, want: "version 10"},
		"an answer comes after the watch told of a later one": {feed: func(v viewed) {
			v.OnAdd(v3, false)
			v.put(v2)
		}, want: "version 100"},
		"a run that was deleted is gone before the watch says so": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.remove("u")
		}},
		"the watch is behind the own deletion": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.remove("u")
			v.OnUpdate(v1, v2)
		}},
		"an answer comes after the own deletion": {feed: func(v viewed) {
			v.remove("u")
			v.put(v2)
		}},
		"an answer comes after the watch told of the deletion": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.OnDelete(v2)
			v.put(v1)
		}},
		"an answer comes after the watch confirmed the own deletion": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.remove("u")
			v.OnDelete(v2)
			v.put(v1)
		}},
		"a deletion was missed and is found out by a new list": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.put(v3)
			v.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "default/x", Obj: v1})
		}},
		"an object on its way out is no run any more": {feed: func(v viewed) {
			v.OnAdd(v1, false)
			v.OnUpdate(v1, seen("x", "u", 10, leaving))
		}},
		"an object on its way out does not come back": {feed: func(v viewed) {
			v.put(seen("x", "u", 10, leaving))
			v.put(v1)
		}},
		"versions that cannot be compared come in order": {feed: func(v viewed) {
			v.OnAdd(v3, false)
			v.OnUpdate(v3, seen("x", "u", 0, func(o *v1alpha1.TaskRun) { o.ResourceVersion, o.Spec.Name = "odd", "odd" }))
		}, want: "odd"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newViewed()
			tc.feed(v)
			run := v.byID("u")
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

// A name has one object at a time: whoever tells of the second tells that the
// first is gone.
func TestAnObjectMadeAgainReplacesTheOld(t *testing.T) {
	t.Parallel()
	older := seen("x", "old", 10, withID(idA), withState(stateA))
	newer := seen("x", "new", 20, withID(idA), withState(stateB), bornAt(1))
	cases := map[string]func(viewed){
		"the watch tells of both": func(v viewed) {
			v.OnAdd(older, false)
			v.OnDelete(older)
			v.OnAdd(newer, false)
		},
		"a new list tells of the change only": func(v viewed) {
			v.OnAdd(older, true)
			v.OnUpdate(older, newer)
		},
		"an own call finds the new one before the watch": func(v viewed) {
			v.OnAdd(older, false)
			v.put(newer)
		},
		"the watch is behind": func(v viewed) {
			v.put(newer)
			v.OnAdd(older, false)
		},
		"the watch is behind and then tells of the deletion": func(v viewed) {
			v.put(newer)
			v.OnAdd(older, false)
			v.OnDelete(older)
		},
		"an answer about the old one comes last": func(v viewed) {
			v.OnAdd(newer, false)
			v.put(older)
		},
	}
	for name, feed := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newViewed()
			feed(v)
			if run := v.byID(idA); run == nil || run.Ref.UID != "new" {
				t.Errorf("run of the id is %+v, want the new object's", run)
			}
			if state, run := v.byState(stateA); state != nil {
				t.Errorf("state of the old object is found in %+v", run.Ref)
			}
			if state, _ := v.byState(stateB); state == nil {
				t.Error("state of the new object is not found")
			}
			if n := len(v.all()); n != 1 {
				t.Errorf("%d runs in queries, want 1", n)
			}
		})
	}
}

func TestNothingOfTwoObjectsThatAreGoneComesBack(t *testing.T) {
	t.Parallel()
	older, newer := seen("x", "old", 10, withID(idA)), seen("x", "new", 20, withID(idA))
	v := newViewed()
	v.put(newer)
	v.OnAdd(older, false)
	v.remove("new")
	v.put(older)
	if run := v.byID(idA); run != nil {
		t.Errorf("run is %+v, want none", run)
	}
}

// Nothing keeps people from giving one id to two objects. The first one counts
// then, whatever the order they came in, and nothing of the other is seen.
func TestTheFirstOfTwoObjectsOfOneIDCounts(t *testing.T) {
	t.Parallel()
	first := seen("z", "u9", 10, withID(idA), withKey("first"), withState(stateA), bornAt(1))
	same := seen("b", "u8", 9, withID(idA), withKey("same"), withState(stateB), bornAt(2))
	last := seen("a", "u1", 8, withID(idA), withKey("last"), withState(stateB), bornAt(2))
	objects := []*v1alpha1.TaskRun{first, same, last}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	orders := [][]*v1alpha1.TaskRun{objects, {first, same, last}, {last, same, first}, {same, first, last}}
	for i, order := range orders {
		t.Run(fmt.Sprint("in order ", i), func(t *testing.T) {
			t.Parallel()
			v := newViewed()
			for _, o := range order {
				v.OnAdd(o, false)
			}
			wantOnly(t, v, "u9", "first", stateA)
			v.OnDelete(first)
			wantOnly(t, v, "u1", "last", stateB)
			v.OnDelete(last)
			wantOnly(t, v, "u8", "same", stateB)
		})
	}
}

// A user who may create objects can name the id of another run in spec.id, but not take
// its name or its UID.
func TestTheObjectWhoseNameIsTheIDCounts(t *testing.T) {
	t.Parallel()
	old := seen("z", "u9", 10, withID(idA), withKey("first"), withState(stateA))
	named := seen(idA, "u8", 11, withID(idA), withKey("same"), withState(stateB), bornAt(2))
	byUID := seen("a", idA, 12, withKey("last"), withState(stateB), bornAt(3))
	for i, order := range [][]*v1alpha1.TaskRun{{old, named, byUID}, {byUID, named, old}, {named, old, byUID}, {old, byUID, named}} {
		t.Run(fmt.Sprint("in order ", i), func(t *testing.T) {
			t.Parallel()
			v := newViewed()
			shadowed := map[string]bool{}
			v.shadowed.set(func(namespace, name string) { shadowed[namespace+"/"+name] = true })
			for _, o := range order {
				v.OnAdd(o, false)
			}
			wantOnly(t, v, idA, "last", stateB)
			if first := order[0]; shadowed["default/"+first.Name] != (first != byUID) || shadowed["default/a"] {
				t.Errorf("reported to be shadowed: %v; %s was the run at first, and a is now", shadowed, first.Name)
			}
			v.OnDelete(byUID)
			wantOnly(t, v, "u8", "same", stateB)
			v.OnDelete(named)
			wantOnly(t, v, "u9", "first", stateA)
		})
	}
}

// wantOnly checks that the object alone stands for the run of idA.
func wantOnly(t *testing.T, v viewed, uid, key, state string) {
	t.Helper()
	if run := v.byID(idA); run == nil || run.Ref.UID != uid {
		t.Errorf("run of the id is %+v, want that of %s", run, uid)
	}
	if found, run := v.byState(state); found == nil || run.Ref.UID != uid {
		t.Errorf("state %s is found in %+v, want it in %s", state, run, uid)
	}
	for _, other := range []string{"first", "same", "last"} {
		run := v.byKey(taskrun.NaturalKey{TaskKey: "greet", DynamicKey: other})
		if (run != nil) != (other == key) {
			t.Errorf("run of the key %q is %+v while %s counts", other, run, uid)
		}
	}
	if runs := v.all(); len(runs) != 1 || runs[0].Ref.UID != uid {
		t.Errorf("%d runs in queries, want that of %s only", len(runs), uid)
	}
}

func TestTheFirstOfTwoRunsOfOneKeyOrStateIsFound(t *testing.T) {
	t.Parallel()
	first := seen("b", "u2", 10, withID(idB), withKey("k"), withState(stateA))
	last := seen("a", "u1", 8, withID(idA), withKey("k"), withState(stateA), bornAt(1))
	for _, order := range [][]*v1alpha1.TaskRun{{first, last}, {last, first}} {
		v := newViewed()
		for _, o := range order {
			v.OnAdd(o, false)
		}
		for _, want := range []string{idB, idA} {
			if run := v.byKey(taskrun.NaturalKey{TaskKey: "greet", DynamicKey: "k"}); run == nil || run.ID != want {
				t.Errorf("run of the key is %+v, want %s", run, want)
			}
			if state, run := v.byState(stateA); state == nil || run.ID != want {
				t.Errorf("state is found in %+v, want it in %s", run, want)
			}
			v.OnDelete(first)
		}
	}
}

func TestNamespacesAreKeptApart(t *testing.T) {
	t.Parallel()
	v := newView()
	feed := feed{v}
	feed.OnAdd(seen("x", "u", 1, func(o *v1alpha1.TaskRun) { o.Namespace = "other" }), false)
	if run := v.shelf("default").byID("u"); run != nil {
		t.Errorf("run of another namespace is found: %+v", run)
	}
	if run := v.shelf("other").byID("u"); run == nil {
		t.Error("run is not found in its namespace")
	}
}

func TestDeletionsAreRememberedWithinBounds(t *testing.T) {
	t.Parallel()
	v := newViewed()
	uid := func(i int) types.UID { return types.UID(strconv.Itoa(i)) }
	const many = 5 * remembered
	for i := range many {
		v.remove(uid(i))
	}
	for i := many - remembered; i < many; i++ {
		if !v.buried.has(uid(i)) {
			t.Fatalf("deletion %d of %d is forgotten", i, many)
		}
	}
	if n := len(v.buried.recent) + len(v.buried.earlier); n > 2*remembered {
		t.Errorf("%d deletions are remembered, want at most %d", n, 2*remembered)
	}
}
