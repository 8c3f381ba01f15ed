package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// reflectorStore is the index as the store of a reflector of TaskRuns.
type reflectorStore struct{ scope *index.WatchScope }

var (
	_ toolscache.ReflectorStore         = reflectorStore{}
	_ toolscache.ResourceVersionUpdater = reflectorStore{}
)

// Add adds an object or its placeholder. The version that an own call returned is not
// converted again.
func (s reflectorStore) Add(object any) error {
	o, ok := object.(*v1alpha1.TaskRun)
	if !ok {
		return fmt.Errorf("adding a TaskRun to the index: the API server sent %T", object)
	}
	u := undecodableOf(o)
	if u == nil {
		if s.scope.Has(&o.ObjectMeta) {
			return nil
		}
		run, err := runOf(o)
		if err == nil {
			s.scope.Put(&o.ObjectMeta, run)
			return nil
		}
		if u, err = unconvertible(v1alpha1.KindTaskRun, o, err); err != nil {
			return err
		}
	}
	s.scope.PutUndecodable(u)
	return nil
}

// Update is Add. The object can be another one of the same name: the index handles that.
func (s reflectorStore) Update(object any) error { return s.Add(object) }

// Delete removes a deleted object, of which only the metadata is needed.
func (s reflectorStore) Delete(object any) error {
	o, err := meta.Accessor(object)
	if err != nil {
		return fmt.Errorf("removing a TaskRun from the index: %w", err)
	}
	s.scope.Remove(o.GetNamespace(), o.GetUID())
	return nil
}

// Replace ends a list of one version. The runListerWatcher has added its objects already.
func (s reflectorStore) Replace(objects []any, version string) error {
	for _, object := range objects {
		if err := s.Add(object); err != nil {
			return err
		}
	}
	s.scope.EndList(version)
	return nil
}

// UpdateResourceVersion sets the version at which the index is complete.
func (s reflectorStore) UpdateResourceVersion(version string) { s.scope.SetVersion(version) }

// Resync does nothing.
func (s reflectorStore) Resync() error { return nil }
