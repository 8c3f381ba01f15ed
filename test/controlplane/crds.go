package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/apiextensions-apiserver/pkg/apihelpers"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const (
	// fieldManager is the field manager of applied objects.
	fieldManager = "taskrun-install"
	// establishLimit is the timeout for the API server to serve a new kind.
	establishLimit = 30 * time.Second
)

// ApplyCRDs applies every CustomResourceDefinition in a folder, server-side, and waits until each is served.
// Applying again changes nothing. An older version of a CRD is updated.
func ApplyCRDs(ctx context.Context, config *rest.Config, folder string) error {
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("preparing a client: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return fmt.Errorf("looking for CRDs in %s: %w", folder, err)
	}
	if len(files) == 0 {
		return fmt.Errorf("no CRD in %s: run `make generate`", folder)
	}
	for _, file := range files {
		if err := applyCRD(ctx, client, file); err != nil {
			return fmt.Errorf("applying %s: %w", file, err)
		}
	}
	return nil
}

func applyCRD(ctx context.Context, client clientset.Interface, file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	body, err := yaml.YAMLToJSON(text)
	if err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	crd := apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(body, &crd); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	crds := client.ApiextensionsV1().CustomResourceDefinitions()
	force := true
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: &force}
	if _, err := crds.Patch(ctx, crd.Name, types.ApplyPatchType, body, options); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return wait.PollUntilContextTimeout(ctx, pollInterval, establishLimit, true, func(ctx context.Context) (bool, error) {
		at, err := crds.Get(ctx, crd.Name, metav1.GetOptions{})
		if err != nil {
			return false, fmt.Errorf("reading back: %w", err)
		}
		if names := apihelpers.FindCRDCondition(at, apiextensionsv1.NamesAccepted); names != nil && names.Status == apiextensionsv1.ConditionFalse {
			return false, errors.New(names.Message)
		}
		return apihelpers.IsCRDConditionTrue(at, apiextensionsv1.Established) && discovered(client, at), nil
	})
}

// discovered reports whether discovery includes the kind, which happens shortly after it is served.
func discovered(client clientset.Interface, crd *apiextensionsv1.CustomResourceDefinition) bool {
	for _, version := range crd.Spec.Versions {
		if !version.Served {
			continue
		}
		group := schema.GroupVersion{Group: crd.Spec.Group, Version: version.Name}
		found, err := client.Discovery().ServerResourcesForGroupVersion(group.String())
		if err != nil || !slices.ContainsFunc(found.APIResources, func(r metav1.APIResource) bool { return r.Name == crd.Spec.Names.Plural }) {
			return false
		}
	}
	return true
}
