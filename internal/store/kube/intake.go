package kube

import (
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Intake takes the runs out of the objects on their way into a cache, so that
// the cache need not hold them too: of each object it keeps what tells objects
// and versions apart, and the run's id.
type Intake struct{ view *view }

// NewIntake returns an Intake for one Cluster and its cache.
func NewIntake() *Intake { return &Intake{view: newView()} }

// Transform is the cache's transform of all Kinds. The view has the run before
// the cache has the object; the handler tells it then that the watch showed it. An
// object that cannot be mapped becomes a stub as one that cannot be decoded.
func (i *Intake) Transform(object any) (any, error) {
	switch o := object.(type) {
	case *v1alpha1.TaskRun:
		return i.take(o)
	case *v1alpha1.ConcurrencyLimit:
		return withoutManagers(kindConcurrencyLimit, o)
	case *v1alpha1.StateProposal:
		return withoutManagers(kindStateProposal, o)
	default:
		return object, nil
	}
}

func (i *Intake) take(o *v1alpha1.TaskRun) (any, error) {
	if isStub(o) {
		return o, nil
	}
	shelf := i.view.shelf(o.Namespace)
	run := shelf.run(o.UID)
	if run == nil || run.Ref.ResourceVersion != o.ResourceVersion { // else it is an own write, which the view has already
		read, err := runOf(o)
		if err != nil {
			return undecodableObject(kindTaskRun, o, err)
		}
		run = shelf.keep(&o.ObjectMeta, read, false)
	}
	return stubOf(o, run), nil
}

// withoutManagers is what the cache keeps of an object of any other kind.
func withoutManagers(kind string, o client.Object) (any, error) {
	if undecodableOf(o) != nil {
		return o, nil
	}
	if err := check(o); err != nil {
		return undecodableObject(kind, o, err)
	}
	o.SetManagedFields(nil)
	return o, nil
}

// undecodableObject is stubOfUndecodable for an object that was decoded and cannot
// be mapped.
func undecodableObject(kind string, o any, cause error) (any, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s: %w", kind, errors.Join(cause, err))
	}
	return stubOfUndecodable(kind, text, cause)
}

// taken marks what is left of an object.
var taken = []metav1.ManagedFieldsEntry{{Operation: operationTaken}}

// isStub reports whether an object is what is left of one, or stands for one that
// cannot be decoded.
func isStub(o *v1alpha1.TaskRun) bool {
	return isMarked(o, operationTaken) || isMarked(o, operationUndecodable)
}

// stubOf returns what the cache keeps of an object. It shares its texts with the
// run.
func stubOf(o *v1alpha1.TaskRun, run *taskrun.Run) *v1alpha1.TaskRun {
	stub := &v1alpha1.TaskRun{TypeMeta: o.TypeMeta}
	stub.Namespace, stub.Name, stub.UID = o.Namespace, run.Ref.Name, types.UID(run.Ref.UID)
	stub.ResourceVersion, stub.Generation = run.Ref.ResourceVersion, o.Generation
	stub.CreationTimestamp, stub.DeletionTimestamp = o.CreationTimestamp, o.DeletionTimestamp
	stub.ManagedFields = taken
	if o.Spec.ID != "" {
		stub.Spec.ID = run.ID
	}
	return stub
}
