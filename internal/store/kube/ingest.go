package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Ingest adds the runs of objects to the index before the objects are in a cache, so
// that the cache need not hold them too. Of each object, the cache gets what identifies
// it and its version, and the run's id.
type Ingest struct {
	index   *index.Index
	watches *watchHealth
}

// NewIngest returns an Ingest for one Cluster and its cache. With a nil clock, the
// times of deletions are not recorded. With a nil logger, objects that cannot be decoded
// are not logged.
func NewIngest(clock taskrun.Clock, log *slog.Logger) *Ingest {
	return &Ingest{index: index.New(clock, log), watches: newWatchHealth(clock)}
}

// Transform is the cache's transform of all kinds. The index has the run before the
// cache has the object. The event handler then confirms that the watch delivered it. An
// object that cannot be converted becomes a placeholder, as one that cannot be decoded.
func (i *Ingest) Transform(object any) (any, error) {
	switch o := object.(type) {
	case *v1alpha1.TaskRun:
		return i.trimRun(o)
	case *v1alpha1.ConcurrencyLimit:
		return withoutManagers(v1alpha1.KindConcurrencyLimit, o)
	case *v1alpha1.StateProposal:
		return withoutManagers(v1alpha1.KindStateProposal, o)
	default:
		return object, nil
	}
}

// trimRun adds the run of an object to the index, and returns what the cache keeps.
func (i *Ingest) trimRun(o *v1alpha1.TaskRun) (any, error) {
	if isTrimmed(o) {
		return o, nil
	}
	namespace := i.index.Namespace(o.Namespace)
	run := namespace.ByUID(o.UID)
	if run == nil || run.Ref.ResourceVersion != o.ResourceVersion { // else it is an own write, which the index has already
		read, err := runOf(o)
		if err != nil {
			return undecodableObject(v1alpha1.KindTaskRun, o, err)
		}
		run = namespace.PutRun(&o.ObjectMeta, read)
	}
	return trim(o, run), nil
}

// withoutManagers returns what the cache keeps of an object of any other kind.
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

// undecodableObject is placeholderOf for an object that was decoded and cannot be
// converted.
func undecodableObject(kind string, o any, cause error) (any, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s: %w", kind, errors.Join(cause, err))
	}
	return placeholderOf(kind, text, cause)
}

// trimmed marks an object of the cache that trim returned.
var trimmed = []metav1.ManagedFieldsEntry{{Operation: operationTrimmed}}

// isTrimmed reports whether an object has no run: trim returned it, or it is the
// placeholder of one that cannot be decoded.
func isTrimmed(o *v1alpha1.TaskRun) bool {
	return isMarked(o, operationTrimmed) || isMarked(o, operationUndecodable)
}

// trim returns what the cache keeps of an object. It shares its texts with the run.
func trim(o *v1alpha1.TaskRun, run *taskrun.Run) *v1alpha1.TaskRun {
	kept := &v1alpha1.TaskRun{TypeMeta: o.TypeMeta}
	kept.Namespace, kept.Name, kept.UID = o.Namespace, run.Ref.Name, types.UID(run.Ref.UID)
	kept.ResourceVersion, kept.Generation = run.Ref.ResourceVersion, o.Generation
	kept.CreationTimestamp, kept.DeletionTimestamp = o.CreationTimestamp, o.DeletionTimestamp
	kept.ManagedFields = trimmed
	if o.Spec.ID != "" {
		kept.Spec.ID = run.ID
	}
	return kept
}
