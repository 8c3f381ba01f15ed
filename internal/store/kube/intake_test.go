package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
)

// What the cache keeps tells the object, its version and its run; the run itself
// is in the view as it is without an Intake.
func TestTheCacheKeepsWhatTellsObjectsApart(t *testing.T) {
	t.Parallel()
	o := newFleet().object(t, 7)
	want := convert.RunFromObject(o.DeepCopy())
	intake := NewIntake()
	kept, err := intake.Transform(o.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	stub := kept.(*v1alpha1.TaskRun) //nolint:errcheck,forcetypeassert // else the test is over
	if diff := cmp.Diff(want, intake.view.shelf("default").byID(o.Spec.ID)); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if stub.UUID() != o.UUID() || stub.UID != o.UID || stub.ResourceVersion != o.ResourceVersion || stub.Name != o.Name ||
		stub.Namespace != o.Namespace || stub.Kind != o.Kind || !stub.CreationTimestamp.Equal(&o.CreationTimestamp) {
		t.Errorf("the cache keeps %+v of %+v", stub, o)
	}
	if stub.Status.State != nil || stub.Spec.TaskKey != nil {
		t.Error("the cache keeps what the view has")
	}
	again, err := intake.Transform(stub)
	if err != nil || again != kept {
		t.Errorf("transformed again it is %v, error %v", again, err)
	}
}

// What a replica wrote itself comes back by the watch: it is not taken in again.
func TestAVersionThatTheViewHasIsNotReadAgain(t *testing.T) {
	t.Parallel()
	intake := NewIntake()
	s := intake.view.shelf("default")
	o := seen("x", "u", 5)
	known := s.put(o.DeepCopy())
	kept, err := intake.Transform(o.DeepCopy())
	if err != nil || s.run(o.UID) != known {
		t.Errorf("error %v, run %p, want the one known, %p", err, s.run(o.UID), known)
	}
	if stub := kept.(*v1alpha1.TaskRun); !isStub(stub) || stub.UID != o.UID || stub.ResourceVersion != o.ResourceVersion { //nolint:errcheck,forcetypeassert // else the test is over
		t.Errorf("the cache keeps %+v of %+v", stub, o)
	}
	if _, err := intake.Transform(seen("x", "u", 6)); err != nil || s.run(o.UID) == known {
		t.Errorf("error %v, or a newer version was passed over", err)
	}
}

func TestWhatIsNoTaskRunIsLeftAlone(t *testing.T) {
	t.Parallel()
	gone := toolscache.DeletedFinalStateUnknown{Key: "default/x"}
	if got, err := NewIntake().Transform(gone); got != any(gone) || err != nil {
		t.Errorf("Transform() = %v, error %v", got, err)
	}
}

// The view has a run before the cache has its object. Until the watch has shown
// it, nothing would tell of its deletion, so it is asked for (see Cluster.Start).
func TestARunIsConfirmedWhenTheWatchShowsIt(t *testing.T) {
	t.Parallel()
	intake := NewIntake()
	s := intake.view.shelf("default")
	kept, err := intake.Transform(seen("x", "u", 5))
	if err != nil || s.byID("u") == nil || len(s.unconfirmed()) != 1 {
		t.Fatalf("error %v, run %v, %d unconfirmed, want one", err, s.byID("u"), len(s.unconfirmed()))
	}
	f := feed{intake.view}
	f.OnAdd(kept, true)
	if n := len(s.unconfirmed()); n != 0 || s.byID("u") == nil {
		t.Errorf("%d are unconfirmed, run %v", n, s.byID("u"))
	}
	f.OnDelete(kept)
	if s.byID("u") != nil {
		t.Error("the run is there after the deletion of its object")
	}
	if _, err := intake.Transform(seen("x", "u", 6)); err != nil || s.byID("u") != nil {
		t.Error("the run came back")
	}
}

// The answer to a write may come before the watch tells of it, or after.
func TestAnEqualVersionChangesNothing(t *testing.T) {
	t.Parallel()
	intake := NewIntake()
	s := intake.view.shelf("default")
	first := s.put(seen("x", "u", 5))
	if _, err := intake.Transform(seen("x", "u", 5)); err != nil || s.byID("u") != first || s.put(seen("x", "u", 5)) != first {
		t.Error("a version that was known replaced itself")
	}
}
