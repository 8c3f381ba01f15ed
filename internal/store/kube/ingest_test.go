package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

// What the cache keeps tells the object, its version and its run; the run itself
// is in the index as it is without an Ingest.
func TestTheCacheKeepsWhatTellsObjectsApart(t *testing.T) {
	t.Parallel()
	o := objecttest.NewFleet().Object(t, 7)
	want := convert.RunFromObject(o.DeepCopy())
	ingest := NewIngest(nil, nil)
	kept, err := ingest.Transform(o.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	trimmed := kept.(*v1alpha1.TaskRun) //nolint:errcheck,forcetypeassert // else the test is over
	if diff := cmp.Diff(want, ingest.index.Namespace("default").ByID(o.Spec.ID)); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if trimmed.UUID() != o.UUID() || trimmed.UID != o.UID || trimmed.ResourceVersion != o.ResourceVersion || trimmed.Name != o.Name ||
		trimmed.Namespace != o.Namespace || trimmed.Kind != o.Kind || !trimmed.CreationTimestamp.Equal(&o.CreationTimestamp) {
		t.Errorf("the cache keeps %+v of %+v", trimmed, o)
	}
	if trimmed.Status.State != nil || trimmed.Spec.TaskKey != nil {
		t.Error("the cache keeps what the index has")
	}
	again, err := ingest.Transform(trimmed)
	if err != nil || again != kept {
		t.Errorf("transformed again it is %v, error %v", again, err)
	}
}

// What a replica wrote itself comes back by the watch: it is not taken in again.
func TestAVersionThatTheIndexHasIsNotReadAgain(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	s := ingest.index.Namespace("default")
	o := objecttest.Version("x", "u", 5)
	known := s.PutObject(o.DeepCopy())
	kept, err := ingest.Transform(o.DeepCopy())
	if err != nil || s.ByUID(o.UID) != known {
		t.Errorf("error %v, run %p, want the one known, %p", err, s.ByUID(o.UID), known)
	}
	if trimmed := kept.(*v1alpha1.TaskRun); !isTrimmed(trimmed) || trimmed.UID != o.UID || trimmed.ResourceVersion != o.ResourceVersion { //nolint:errcheck,forcetypeassert // else the test is over
		t.Errorf("the cache keeps %+v of %+v", trimmed, o)
	}
	if _, err := ingest.Transform(objecttest.Version("x", "u", 6)); err != nil || s.ByUID(o.UID) == known {
		t.Errorf("error %v, or a newer version was passed over", err)
	}
}

func TestWhatIsNoTaskRunIsLeftAlone(t *testing.T) {
	t.Parallel()
	gone := toolscache.DeletedFinalStateUnknown{Key: "default/x"}
	if got, err := NewIngest(nil, nil).Transform(gone); got != any(gone) || err != nil {
		t.Errorf("Transform() = %v, error %v", got, err)
	}
}

// The index has a run before the cache has its object. Until the watch has shown
// it, nothing would tell of its deletion, so it is asked for (see Cluster.Start).
func TestARunIsConfirmedWhenTheWatchShowsIt(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	s := ingest.index.Namespace("default")
	kept, err := ingest.Transform(objecttest.Version("x", "u", 5))
	if err != nil || s.ByID("u") == nil || len(s.Unconfirmed()) != 1 {
		t.Fatalf("error %v, run %v, %d unconfirmed, want one", err, s.ByID("u"), len(s.Unconfirmed()))
	}
	f := runHandler{ingest.index}
	f.OnAdd(kept, true)
	if n := len(s.Unconfirmed()); n != 0 || s.ByID("u") == nil {
		t.Errorf("%d are unconfirmed, run %v", n, s.ByID("u"))
	}
	f.OnDelete(kept)
	if s.ByID("u") != nil {
		t.Error("the run is there after the deletion of its object")
	}
	if _, err := ingest.Transform(objecttest.Version("x", "u", 6)); err != nil || s.ByID("u") != nil {
		t.Error("the run came back")
	}
}

// The answer to a write may come before the watch tells of it, or after.
func TestAnEqualVersionChangesNothing(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	s := ingest.index.Namespace("default")
	first := s.PutObject(objecttest.Version("x", "u", 5))
	if _, err := ingest.Transform(objecttest.Version("x", "u", 5)); err != nil || s.ByID("u") != first || s.PutObject(objecttest.Version("x", "u", 5)) != first {
		t.Error("a version that was known replaced itself")
	}
}

// After a new list, the informer reports a missed deletion with the version that it had.
func TestAMissedDeletionRemovesTheRun(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	n := ingest.index.Namespace("default")
	known := objecttest.Version("x", "u", 5)
	handler := runHandler{ingest.index}
	handler.OnAdd(known, false)
	n.PutObject(objecttest.Version("x", "u", 6))
	handler.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "default/x", Obj: known})
	if run := n.ByUID("u"); run != nil {
		t.Errorf("run is %+v, want none", run)
	}
}
