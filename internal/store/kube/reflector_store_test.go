package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

// The watch delivers the version that an own call returned. It is not converted again.
func TestReflectorStore_addsEachVersionOnce(t *testing.T) {
	t.Parallel()
	x := NewIngest(nil, nil).index
	n, store := x.Namespace("default"), storeIn(x)
	o := objecttest.Version("x", "u", 5)
	first := n.PutObject(o.DeepCopy())
	if must(store.Add(o.DeepCopy())); n.ByUID(o.UID) != first {
		t.Errorf("run %p, want the one of the call, %p", n.ByUID(o.UID), first)
	}
	if n.PutObject(o.DeepCopy()) != first {
		t.Error("an equal version replaced the run")
	}
	if must(store.Update(objecttest.Version("x", "u", 6))); n.ByUID(o.UID) == first {
		t.Error("a newer version did not replace the run")
	}
}

// A run in the index equals the run of its object, regardless of what added it.
func TestReflectorStore_convertsObjectsAsCallsDo(t *testing.T) {
	t.Parallel()
	x := NewIngest(nil, nil).index
	o := objecttest.NewFleet().Object(t, 7)
	want := convert.RunFromObject(o.DeepCopy())
	must(storeIn(x).Add(o))
	if diff := cmp.Diff(want, x.Namespace("default").ByID(want.ID)); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

// Of a deleted object, the metadata is enough. An older version that arrives later adds
// nothing.
func TestReflectorStore_removesDeletedObjects(t *testing.T) {
	t.Parallel()
	x := NewIngest(nil, nil).index
	n, store := x.Namespace("default"), storeIn(x)
	must(store.Add(objecttest.Version("x", "u", 5)))
	n.PutObject(objecttest.Version("x", "u", 6))
	must(store.Delete(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x", UID: "u", ResourceVersion: "7"}}))
	must(store.Add(objecttest.Version("x", "u", 6)))
	if run := n.ByUID("u"); run != nil {
		t.Errorf("run is %+v, want none", run)
	}
}

// Replace ends a list. The objects of the list, and those added before, stay.
func TestReflectorStore_replaceEndsTheList(t *testing.T) {
	t.Parallel()
	x := NewIngest(nil, nil).index
	n, store := x.Namespace("default"), storeIn(x)
	must(store.Add(objecttest.Version("gone", "gone", 5)))
	store.scope.BeginList()
	must(store.Add(objecttest.Version("streamed", "streamed", 6)))
	if store.scope.Complete() {
		t.Error("complete before the end of the first list")
	}
	must(store.Replace([]any{objecttest.Version("given", "given", 7)}, "9"))
	must(store.Resync())
	for name, want := range map[types.UID]bool{"gone": false, "streamed": true, "given": true} {
		if got := n.ByUID(name) != nil; got != want {
			t.Errorf("%s is in the index: %v, want %v", name, got, want)
		}
	}
	if !store.scope.Complete() {
		t.Error("not complete after the list")
	}
	store.UpdateResourceVersion("12")
	if n.PutObject(objecttest.Version("late", "late", 12)); n.ByUID("late") != nil {
		t.Error("a response added an object that the watch must have delivered, if it existed")
	}
}

func TestReflectorStore_rejectsOtherTypes(t *testing.T) {
	t.Parallel()
	store := storeIn(NewIngest(nil, nil).index)
	for name, err := range map[string]error{
		"Add": store.Add(&v1alpha1.ConcurrencyLimit{}), "Update": store.Update(7), "Delete": store.Delete("x"),
		"Replace": store.Replace([]any{&v1alpha1.ConcurrencyLimit{}}, "9"),
	} {
		if err == nil {
			t.Errorf("%s of another type is no error", name)
		}
	}
	if store.scope.Complete() {
		t.Error("a list that failed makes the index complete")
	}
}
