package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// bareLoop does with client-go alone what a REST life cycle comes to: create an
// object and write its status twice, with objects of the same size.
type bareLoop struct {
	client             *rest.RESTClient
	namespace          string
	pending            v1alpha1.TaskRun // as the REST door made it
	running, completed v1alpha1.TaskRunStatus
}

func newBareClient(config *rest.Config) (*rest.RESTClient, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server is the limit to be measured
	config.GroupVersion = &v1alpha1.GroupVersion
	config.APIPath = "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	return rest.RESTClientFor(config)
}

func (b *bareLoop) get(ctx context.Context, name string) (v1alpha1.TaskRun, error) {
	var run v1alpha1.TaskRun
	err := b.client.Get().Namespace(b.namespace).Resource("taskruns").Name(name).Do(ctx).Into(&run)
	return run, err
}

// cycle is one life cycle: three writes.
func (b *bareLoop) cycle(ctx context.Context) error {
	run := v1alpha1.TaskRun{Spec: *b.pending.Spec.DeepCopy()}
	run.APIVersion, run.Kind = v1alpha1.GroupVersion.String(), "TaskRun"
	run.ObjectMeta = metav1.ObjectMeta{Name: uuid.NewString(), Namespace: b.namespace}
	run.Spec.ID = run.Name
	created := &v1alpha1.TaskRun{}
	err := b.client.Post().Namespace(b.namespace).Resource("taskruns").Body(&run).Do(ctx).Into(created)
	if err != nil {
		return fmt.Errorf("creating: %w", err)
	}
	for _, status := range []*v1alpha1.TaskRunStatus{&b.running, &b.completed} {
		created.APIVersion, created.Kind = run.APIVersion, run.Kind
		created.Status = *status.DeepCopy()
		err := b.client.Put().Namespace(b.namespace).Resource("taskruns").Name(run.Name).SubResource("status").
			Body(created).Do(ctx).Into(created)
		if err != nil {
			return fmt.Errorf("writing the status: %w", err)
		}
	}
	return nil
}
