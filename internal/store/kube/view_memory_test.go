package kube

import (
	"encoding/json"
	"runtime"
	"strconv"
	"testing"

	kubejson "k8s.io/apimachinery/pkg/util/json"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// mostMemory is what a run may cost in all, in bytes (docs/architecture.md §7).
const mostMemory = 4096

// A run is measured with all that is kept of it: in the view and in the cache
// that the watch fills, after it went through its states one by one.
//
//nolint:paralleltest // What other tests allocate would be measured too.
func TestMemoryOfARun(t *testing.T) {
	const runs = 3_000
	f := newFleet()
	before := heap()
	intake := NewIntake()
	objects := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc,
		toolscache.Indexers{toolscache.NamespaceIndex: toolscache.MetaNamespaceIndexFunc})
	for i := range runs {
		for _, version := range lifeOf(t, f.object(t, i)) {
			arrive(t, intake, objects, version)
		}
	}
	each := (heap() - before) / runs
	t.Logf("%d bytes a run", each)
	if each > mostMemory {
		t.Errorf("a run takes %d bytes, want at most %d", each, mostMemory)
	}
	if n := intake.view.shelf("default").moment().size; n != runs || len(objects.ListKeys()) != runs {
		t.Errorf("%d runs and %d objects were measured, want %d", n, len(objects.ListKeys()), runs)
	}
}

// arrive is what happens to an object that the watch brings.
func arrive(t *testing.T, intake *Intake, objects toolscache.Indexer, o *v1alpha1.TaskRun) {
	t.Helper()
	stub, err := intake.Transform(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Add(stub); err != nil {
		t.Fatal(err)
	}
	feed{intake.view}.OnAdd(stub, false)
}

// lifeOf returns the versions of an object: one for each of its states.
func lifeOf(t *testing.T, last *v1alpha1.TaskRun) []*v1alpha1.TaskRun {
	t.Helper()
	var versions []*v1alpha1.TaskRun
	for i := range last.Status.History {
		version := copied(t, last)
		version.Status.State, version.Status.History = &version.Status.History[i], version.Status.History[:i]
		version.ResourceVersion = strconv.Itoa(i + 1)
		versions = append(versions, copied(t, version))
	}
	return append(versions, last)
}

// copied has nothing in common with the object: it is decoded anew.
func copied(t *testing.T, o *v1alpha1.TaskRun) *v1alpha1.TaskRun {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	decoded := &v1alpha1.TaskRun{}
	if err := kubejson.Unmarshal(text, decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// heap is how much memory is in use.
func heap() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
