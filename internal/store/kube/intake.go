package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Intake takes the runs out of the objects on their way into a cache, so that
// the cache need not hold them too: of each object it keeps what tells objects
// and versions apart, and the run's id.
type Intake struct{ view *view }

// NewIntake returns an Intake for one Cluster and its cache.
func NewIntake() *Intake { return &Intake{view: newView()} }

// Transform is the cache's transform of TaskRuns. The view has the run before
// the cache has the object; the handler tells it then that the watch showed it.
func (i *Intake) Transform(object any) (any, error) {
	o, ok := object.(*v1alpha1.TaskRun)
	if !ok || isStub(o) {
		return object, nil
	}
	shelf := i.view.shelf(o.Namespace)
	run := shelf.run(o.UID)
	if run == nil || run.Revision.Version != o.ResourceVersion {
		run = shelf.put(o) // else it is an own write, which the view has already
	}
	return stubOf(o, run), nil
}

// taken marks what is left of an object. Nothing else has such a manager, for
// the names of managers have no blanks here.
var taken = []metav1.ManagedFieldsEntry{{Manager: "taken by the view"}}

func isStub(o *v1alpha1.TaskRun) bool {
	return len(o.ManagedFields) == 1 && o.ManagedFields[0].Manager == taken[0].Manager
}

// stubOf returns what the cache keeps of an object. It shares its texts with the
// run.
func stubOf(o *v1alpha1.TaskRun, run *taskrun.Run) *v1alpha1.TaskRun {
	stub := &v1alpha1.TaskRun{TypeMeta: o.TypeMeta}
	stub.Namespace, stub.Name, stub.UID = o.Namespace, run.Revision.Key, types.UID(run.Revision.Object)
	stub.ResourceVersion, stub.Generation = run.Revision.Version, o.Generation
	stub.CreationTimestamp, stub.DeletionTimestamp = o.CreationTimestamp, o.DeletionTimestamp
	stub.ManagedFields = taken
	if o.Spec.ID != "" {
		stub.Spec.ID = run.ID
	}
	return stub
}
