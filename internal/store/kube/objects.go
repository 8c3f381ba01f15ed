package kube

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// objectReader reads what identifies TaskRuns from the index, and other kinds from a
// Reader.
type objectReader struct {
	client.Reader

	index *index.Index
}

// Objects returns a reader of TaskRuns in the index. It sets their namespace, name, UID,
// resourceVersion, generation and spec.id, and nothing else: an object that is being
// deleted or cannot be decoded is not found. It reads other kinds from another reader.
func (c *Cluster) Objects(others client.Reader) client.Reader {
	return objectReader{Reader: others, index: c.index}
}

// Get reads an object by name.
func (r objectReader) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	object, ok := into.(*v1alpha1.TaskRun)
	if !ok {
		return r.Reader.Get(ctx, key, into, options...)
	}
	run := r.index.Named(key.Namespace, key.Name)
	if run == nil {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: resource}, key.Name)
	}
	*object = v1alpha1.TaskRun{}
	object.Namespace, object.Name, object.UID = key.Namespace, key.Name, types.UID(run.Ref.UID)
	object.ResourceVersion, object.Generation = run.Ref.ResourceVersion, run.Ref.Generation
	object.Spec.ID = run.ID
	return nil
}

// EachObject calls visit with the namespace and name of each TaskRun in the index.
func (c *Cluster) EachObject(visit func(namespace, name string)) { c.index.EachName(visit) }
