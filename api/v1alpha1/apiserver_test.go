//go:build apiserver

package v1alpha1_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// namespaceClient writes the TaskRuns of one namespace, given as YAML.
type namespaceClient struct {
	dynamic.ResourceInterface
}

func open(t *testing.T) namespaceClient {
	t.Helper()
	env := testenv.Start(t)
	client, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	resource := v1alpha1.GroupVersion.WithResource("taskruns")
	return namespaceClient{client.Resource(resource).Namespace(env.Namespace(t))}
}

// create creates a TaskRun with a spec in YAML. Unknown fields are an error.
func (d namespaceClient) create(t *testing.T, spec string) (*unstructured.Unstructured, error) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": decode(t, spec)}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	object.SetGenerateName("run-")
	return d.Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
}

// created creates a TaskRun, which must be accepted, and returns its name.
func (d namespaceClient) created(t *testing.T, spec string) string {
	t.Helper()
	object, err := d.create(t, spec)
	if err != nil {
		t.Fatalf("creating with %s: %v", spec, err)
	}
	return object.GetName()
}

// patch merges YAML into an object, or into its status.
func (d namespaceClient) patch(t *testing.T, name, change string, subresources ...string) (*unstructured.Unstructured, error) {
	t.Helper()
	body, err := yaml.YAMLToJSON([]byte(change))
	if err != nil {
		t.Fatal(err)
	}
	return d.Patch(t.Context(), name, types.MergePatchType, body,
		metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict}, subresources...)
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("decoding %s: %v", text, err)
	}
	// The client expects the types of encoding/json, except for whole numbers.
	return whole(value)
}

// whole converts floats with integer values to int64, as clients do.
func whole(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = whole(v[key])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

// wantRefused checks that an error is a rejection by the API server, with the
// field and the message.
func wantRefused(t *testing.T, err error, field, message string) {
	t.Helper()
	if !apierrors.IsInvalid(err) {
		t.Fatalf("got error %v, want a refusal of %s", err, field)
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatalf("got error %v, want one with details", err)
	}
	causes := status.Status().Details.Causes
	if !slices.ContainsFunc(causes, func(c metav1.StatusCause) bool {
		return strings.HasPrefix(c.Field, field) && strings.Contains(c.Message, message)
	}) {
		t.Errorf("got causes %+v, want field %s with %q", causes, field, message)
	}
}

// renderedCRD reads the installed CRD.
func renderedCRD(t *testing.T) apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile(inRepository(t, "config", "crd", "bases", "taskrun.dev_taskruns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	return crd
}

func inRepository(t *testing.T, path ...string) string {
	t.Helper()
	root, err := controlplane.Repository()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, path...)...)
}
