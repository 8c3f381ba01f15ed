package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// Direct makes the two calls that every run needs, of tasks and of flows: the create and the
// write of a status. Both request only the metadata in the response, because the rest is what was
// sent. That is less work on both sides.
type Direct struct{ client rest.Interface }

// NewDirect returns a Direct for the cluster of the configuration, on an HTTP client that
// was created for it.
func NewDirect(config *rest.Config, connections *http.Client) (*Direct, error) {
	scheme := runtime.NewScheme() // for the responses of failed calls
	metav1.AddToGroupVersion(scheme, v1alpha1.GroupVersion)
	metav1.AddToGroupVersion(scheme, metav1.Unversioned)
	config = rest.CopyConfig(config)
	config.GroupVersion = &v1alpha1.GroupVersion
	config.APIPath = "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	typed, err := rest.RESTClientForConfigAndClient(config, connections)
	if err != nil {
		return nil, fmt.Errorf("preparing a client for TaskRuns: %w", err)
	}
	return &Direct{client: typed}, nil
}

const (
	resource         = "taskruns"
	flowRunsResource = "flowruns"
	metadataOnly     = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
)

// create creates the object, and updates its metadata from the response.
func (d *Direct) create(ctx context.Context, object client.Object) error {
	return send(ctx, d.client.Post().Namespace(object.GetNamespace()).Resource(resourceOf(object)), object)
}

// updateStatus writes the object's status, and updates its metadata from the response.
func (d *Direct) updateStatus(ctx context.Context, object client.Object) error {
	request := d.client.Put().Namespace(object.GetNamespace()).Resource(resourceOf(object)).Name(object.GetName()).SubResource("status")
	return send(ctx, request, object)
}

// resourceOf returns the resource of a run.
func resourceOf(object client.Object) string {
	if _, ok := object.(*v1alpha1.FlowRun); ok {
		return flowRunsResource
	}
	return resource
}

// ready reports whether the API server reports that it has started completely.
func (d *Direct) ready(ctx context.Context) bool {
	return d.client.Get().AbsPath("/readyz").Do(ctx).Error() == nil
}

func send(ctx context.Context, request *rest.Request, object client.Object) error {
	kind := v1alpha1.KindTaskRun
	if resourceOf(object) == flowRunsResource {
		kind = v1alpha1.KindFlowRun
	}
	object.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	body, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	result := request.
		Param("fieldValidation", metav1.FieldValidationStrict).
		SetHeader("Content-Type", runtime.ContentTypeJSON).
		SetHeader("Accept", metadataOnly).
		Body(body).Do(ctx)
	if err := result.Error(); err != nil {
		return err
	}
	response, err := result.Raw()
	if err != nil {
		return err
	}
	return stamp(object, response)
}

// stamp updates the metadata of an object from the response of the API server.
func stamp(object client.Object, response []byte) error {
	var given struct {
		Metadata struct {
			UID               types.UID    `json:"uid"`
			ResourceVersion   string       `json:"resourceVersion"`
			Generation        int64        `json:"generation"`
			CreationTimestamp metav1.Time  `json:"creationTimestamp"`
			DeletionTimestamp *metav1.Time `json:"deletionTimestamp"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(response, &given); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	m := given.Metadata
	if m.UID == "" || m.ResourceVersion == "" {
		return errors.New("decoding the response: no object in it")
	}
	object.SetUID(m.UID)
	object.SetResourceVersion(m.ResourceVersion)
	object.SetGeneration(m.Generation)
	object.SetCreationTimestamp(m.CreationTimestamp)
	object.SetDeletionTimestamp(m.DeletionTimestamp)
	return nil
}
