package index

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// uidOf returns the UID of the object with this name in these tests.
func uidOf(name string) types.UID { return types.UID("uid of " + name) }

// deliver adds a version of an object that can be decoded.
func (s *WatchScope) deliver(namespace, name string, version int) {
	o := objecttest.Version(name, uidOf(name), version)
	o.Namespace = namespace
	s.Put(&o.ObjectMeta, convert.RunFromObject(o))
}

// deliverUndecodable adds a version of an object that cannot be decoded.
func (s *WatchScope) deliverUndecodable(namespace, name string, version int) {
	s.PutUndecodable(&Undecodable{
		UID: uidOf(name), ResourceVersion: strconv.Itoa(version), ID: string(uidOf(name)),
		Err: taskrun.UndecodableError{Kind: v1alpha1.KindTaskRun, Namespace: namespace, Name: name},
	})
}

// own adds a version of an object that an own call returned.
func own(x *Index, name string, version int) {
	x.Namespace("default").PutObject(objecttest.Version(name, uidOf(name), version))
}

// known returns which of the objects the index has, decodable or not.
func known(x *Index, namespace string, names ...string) map[string]bool {
	found := map[string]bool{}
	for _, name := range names {
		uid := uidOf(name)
		found[name] = x.Namespace(namespace).ByUID(uid) != nil || x.undecodables.Run(namespace, string(uid)) != nil
	}
	return found
}

func wantKnown(t *testing.T, x *Index, namespace string, want map[string]bool) {
	t.Helper()
	names := make([]string, 0, len(want))
	for name := range want {
		names = append(names, name)
	}
	if diff := cmp.Diff(want, known(x, namespace, names...)); diff != "" {
		t.Errorf("objects in the index (-want +got):\n%s", diff)
	}
}

// A list removes what it does not have, whatever its version is, except own writes that
// are later than the list.
func TestEndList_removesWhatTheListDoesNotHave(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	s := x.NewWatchScope("")
	own(x, "own", 5)
	own(x, "own-listed", 6)
	own(x, "own-later", 20)
	s.deliver("default", "watched", 7)
	s.deliver("default", "watched-later", 30) // the API server was restored to an older version
	s.deliver("default", "watched-then-own", 7)
	own(x, "watched-then-own", 31)
	s.deliver("default", "listed", 7)
	s.deliverUndecodable("default", "undecodable", 8)
	s.deliverUndecodable("default", "undecodable-listed", 8)
	if s.Complete() {
		t.Error("complete before the end of the first list")
	}
	s.BeginList()
	s.deliver("default", "own-listed", 6)
	s.deliver("default", "listed", 7)
	s.deliverUndecodable("default", "undecodable-listed", 8)
	s.EndList("10")
	if !s.Complete() {
		t.Error("not complete after the list")
	}
	wantKnown(t, x, "default", map[string]bool{
		"own": false, "own-listed": true, "own-later": true, "watched": false, "watched-later": false, "watched-then-own": false,
		"listed": true, "undecodable": false, "undecodable-listed": true,
	})
	s.BeginList() // by now the list has the later version
	s.deliver("default", "listed", 7)
	s.EndList("40")
	wantKnown(t, x, "default", map[string]bool{"own-later": false, "listed": true, "undecodable-listed": false})
}

// A list that has an object keeps it, even if the index has another version, or if only
// one of the two versions can be decoded.
func TestEndList_keepsObjectsOfOtherVersions(t *testing.T) {
	t.Parallel()
	type delivery func(s *WatchScope, version int)
	decodable := func(s *WatchScope, version int) { s.deliver("default", "x", version) }
	undecodable := func(s *WatchScope, version int) { s.deliverUndecodable("default", "x", version) }
	ownWrite := func(s *WatchScope, version int) { own(s.index, "x", version) }
	for name, tc := range map[string]struct {
		before, listed delivery
		order          int // of the listed version after the one before
	}{
		"the same version":                         {decodable, decodable, 0},
		"a newer version":                          {decodable, decodable, 1},
		"an older version":                         {decodable, decodable, -1},
		"the same version, undecodable":            {undecodable, undecodable, 0},
		"a newer version, undecodable":             {undecodable, undecodable, 1},
		"an older version, undecodable":            {undecodable, undecodable, -1},
		"a newer version that becomes undecodable": {decodable, undecodable, 1},
		"an older version that was undecodable":    {decodable, undecodable, -1},
		"a newer version that is repaired":         {undecodable, decodable, 1},
		"an older version that was decodable":      {undecodable, decodable, -1},
		"older than the own write":                 {ownWrite, decodable, -1},
		"undecodable and older":                    {ownWrite, undecodable, -1},
		"newer than the own write":                 {ownWrite, decodable, 1},
		"the own write, now from the watch":        {ownWrite, decodable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := New(nil, nil)
			s := x.NewWatchScope("")
			tc.before(s, 10)
			s.BeginList()
			tc.listed(s, 10+tc.order)
			s.EndList("20")
			wantKnown(t, x, "default", map[string]bool{"x": true})
			s.BeginList()
			s.EndList("21")
			wantKnown(t, x, "default", map[string]bool{"x": false})
		})
	}
}

// Objects of an interrupted list stay until a list ends.
func TestEndList_removesObjectsOfInterruptedList(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	s := x.NewWatchScope("")
	s.BeginList()
	s.deliver("default", "a", 5)
	s.deliver("default", "b", 5)
	s.BeginList()
	s.deliver("default", "b", 5)
	wantKnown(t, x, "default", map[string]bool{"a": true, "b": true})
	s.EndList("9")
	wantKnown(t, x, "default", map[string]bool{"a": false, "b": true})
}

// The list of a namespace does not affect other namespaces.
func TestEndList_affectsItsNamespaceOnly(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	one, two := x.NewWatchScope("one"), x.NewWatchScope("two")
	one.deliver("one", "a", 5)
	one.deliverUndecodable("one", "b", 5)
	two.deliver("two", "a", 5)
	two.deliverUndecodable("two", "b", 5)
	for range 3 {
		one.BeginList()
		one.EndList("10")
	}
	wantKnown(t, x, "one", map[string]bool{"a": false, "b": false})
	wantKnown(t, x, "two", map[string]bool{"a": true, "b": true})
	if !one.Complete() || two.Complete() || one.Namespace() != "one" {
		t.Errorf("complete: %v and %v, want the first only", one.Complete(), two.Complete())
	}
}

// A namespace with only an undecodable object can be closed.
func TestEndList_removesUndecodableObjectsOfClosedNamespaces(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC))
	x := New(clock, nil)
	s := x.NewWatchScope("")
	s.deliverUndecodable("closed", "a", 5)
	x.CloseEmpty(noNamespace, clock.Now())
	s.BeginList()
	s.EndList("10")
	if n := x.Undecodables().Counts()[v1alpha1.KindTaskRun]; n != 0 {
		t.Errorf("%d objects that do not exist are skipped", n)
	}
}

// The response to an own call can arrive after the deletion of its object. Where the
// index is complete, an object that it does not have does not exist.
func TestPutObject_ignoresObjectsThatTheWatchShowedDeleted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		namespace string // of the scope
		want      map[string]bool
	}{
		"all namespaces":    {"", map[string]bool{"old": false, "new": true, "late": false}},
		"the namespace":     {"default", map[string]bool{"old": false, "new": true, "late": false}},
		"another namespace": {"other", map[string]bool{"old": true, "new": true, "late": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := New(nil, nil)
			s := x.NewWatchScope(tc.namespace)
			s.BeginList()
			s.EndList("10")
			own(x, "old", 10)
			own(x, "new", 11)
			s.SetVersion("15")
			own(x, "late", 14)
			wantKnown(t, x, "default", tc.want)
		})
	}
}

// An own write is visible at once, and an older version from the watch does not replace
// it.
func TestPutObject_ownWriteIsVisibleAtOnce(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	s := x.NewWatchScope("")
	s.BeginList()
	s.deliver("default", "x", 5)
	s.EndList("5")
	version := func() string { return x.Named("default", "x").Ref.ResourceVersion }
	own(x, "x", 8)
	if got := version(); got != "8" {
		t.Errorf("after the write, version %s", got)
	}
	for _, older := range []int{6, 7} {
		s.deliver("default", "x", older)
		if got := version(); got != "8" {
			t.Errorf("after the watch delivered %d, version %s", older, got)
		}
	}
	if s.deliver("default", "x", 9); version() != "9" {
		t.Errorf("after the watch delivered 9, version %s", version())
	}
}

// The version that an own call returned need not be converted again.
func TestHas_marksObject(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	s := x.NewWatchScope("")
	own(x, "x", 5)
	s.BeginList()
	has := func(version int) bool { return s.Has(&objecttest.Version("x", uidOf("x"), version).ObjectMeta) }
	if has(4) || !has(5) || has(6) || s.Has(&objecttest.Version("y", uidOf("y"), 5).ObjectMeta) {
		t.Error("Has is true for another version or object, or false for this one")
	}
	s.EndList("9")
	wantKnown(t, x, "default", map[string]bool{"x": true})
}

// A function of OnChange finds the change in the index. No change is reported twice, and
// no object that did not change.
func TestOnChange(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	s := x.NewWatchScope("")
	var got []string
	stop := x.OnChange(func(namespace, name string, run *taskrun.Run) {
		version := "none"
		if run != nil {
			version = run.Ref.ResourceVersion
		}
		got = append(got, namespace+"/"+name+" "+version)
	})
	s.deliver("default", "a", 5)
	own(x, "a", 6)
	s.deliver("default", "a", 6)
	s.deliver("default", "a", 5)
	s.BeginList()
	s.deliver("default", "a", 6)
	s.deliver("default", "b", 7)
	s.EndList("8")
	s.deliverUndecodable("default", "b", 9)
	s.deliver("default", "b", 10)
	s.Remove("default", uidOf("a"))
	s.Remove("default", uidOf("a"))
	s.BeginList()
	s.EndList("20")
	stop()
	s.deliver("default", "c", 21)
	want := []string{
		"default/a 5", "default/a 6", "default/b 7", "default/b none", "default/b 10", "default/a none", "default/b none",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
}

// Named finds objects by name, also those that are not the run of their id. It creates no
// namespace.
func TestNamed(t *testing.T) {
	t.Parallel()
	x := New(nil, nil)
	for i, name := range []string{"a", "b"} {
		putWatched(x.Namespace("default"), objecttest.Version(name, uidOf(name), 5, objecttest.WithID(idA), objecttest.CreatedAfter(i)))
	}
	putWatched(x.Namespace("default"), objecttest.Version("c", uidOf("c"), 5, objecttest.Deleting))
	for name, want := range map[string]bool{"a": true, "b": true, "c": false, "none": false} {
		run := x.Named("default", name)
		if (run != nil) != want || (want && run.Ref.UID != string(uidOf(name))) {
			t.Errorf("%s is %+v, want one: %v", name, run, want)
		}
	}
	if x.Named("elsewhere", "a") != nil || len(x.namespaces) != 1 {
		t.Errorf("%d namespaces, want one", len(x.namespaces))
	}
	names := map[string]bool{}
	x.EachName(func(namespace, name string) { names[namespace+"/"+name] = true })
	if diff := cmp.Diff(map[string]bool{"default/a": true, "default/b": true}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
