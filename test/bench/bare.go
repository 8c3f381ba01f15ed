package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// bareLoop makes the writes of a REST life cycle with client-go alone: it creates
// an object of the same size and writes its status twice.
type bareLoop struct {
	client    *rest.RESTClient
	namespace string
	forms     forms
}

func newBareClient(config *rest.Config) (*rest.RESTClient, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("preparing a client: %w", err)
	}
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server is the limit to be measured
	config.GroupVersion = &v1alpha1.GroupVersion
	config.APIPath = "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("preparing a client: %w", err)
	}
	return client, nil
}

// create creates an object. The response has its UID and version, so the status
// can be written next.
func (b *bareLoop) create(ctx context.Context, spec *v1alpha1.TaskRunSpec) (*v1alpha1.TaskRun, error) {
	run := v1alpha1.TaskRun{Spec: *spec}
	setKind(&run)
	run.ObjectMeta = metav1.ObjectMeta{Name: uuid.NewString(), Namespace: b.namespace}
	run.Spec.ID = run.Name
	created := &v1alpha1.TaskRun{}
	err := b.client.Post().Namespace(b.namespace).Resource("taskruns").Body(&run).Do(ctx).Into(created)
	if err != nil {
		return nil, fmt.Errorf("creating: %w", err)
	}
	return created, nil
}

// setStatus writes the status of an object and updates the version in run.
func (b *bareLoop) setStatus(ctx context.Context, run *v1alpha1.TaskRun, status *v1alpha1.TaskRunStatus) error {
	setKind(run)
	run.Status = *status.DeepCopy()
	err := b.client.Put().Namespace(b.namespace).Resource("taskruns").Name(run.Name).SubResource("status").
		Body(run).Do(ctx).Into(run)
	if err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}

// setKind restores the kind, which decoding of a response drops.
func setKind(run *v1alpha1.TaskRun) {
	run.APIVersion, run.Kind = v1alpha1.GroupVersion.String(), "TaskRun"
}

// cycle is one life cycle: three writes.
func (b *bareLoop) cycle(ctx context.Context) error {
	run, err := b.create(ctx, b.forms.spec.DeepCopy())
	if err != nil {
		return err
	}
	for _, status := range []*v1alpha1.TaskRunStatus{&b.forms.running, &b.forms.completed} {
		if err := b.setStatus(ctx, run, status); err != nil {
			return err
		}
	}
	return nil
}

// get reads an object.
func (b *bareLoop) get(ctx context.Context, name string) (*v1alpha1.TaskRun, error) {
	run := &v1alpha1.TaskRun{}
	err := b.client.Get().Namespace(b.namespace).Resource("taskruns").Name(name).Do(ctx).Into(run)
	if err != nil {
		return nil, fmt.Errorf("reading the object %s: %w", types.NamespacedName{Namespace: b.namespace, Name: name}, err)
	}
	return run, nil
}
