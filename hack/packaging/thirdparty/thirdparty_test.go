// Package thirdparty checks the objects of other projects' kinds, which the API server of the tests does not serve,
// against the types of those projects: an unknown field, or one of another type, is an error.
package thirdparty

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// kinds returns an empty object of each kind. The other kinds of a component are Kubernetes' own.
var kinds = map[string]func() any{
	"cert-manager.io/v1 Issuer":                  func() any { return &certmanagerv1.Issuer{} },
	"cert-manager.io/v1 Certificate":             func() any { return &certmanagerv1.Certificate{} },
	"monitoring.coreos.com/v1 ServiceMonitor":    func() any { return &monitoringv1.ServiceMonitor{} },
	"monitoring.coreos.com/v1 PrometheusRule":    func() any { return &monitoringv1.PrometheusRule{} },
	"kustomize.config.k8s.io/v1alpha1 Component": nil,
}

func TestComponents_conformToTheTypesOfOtherProjects(t *testing.T) {
	seen := map[string]bool{}
	for _, component := range []string{"cert-manager", "prometheus"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", "config", "components", component, "*.yaml"))
		if err != nil || len(files) < 2 {
			t.Fatalf("%s has %d files: %v", component, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for document := range strings.SplitSeq(string(text), "\n---\n") {
				seen[check(t, file, document)] = true
			}
		}
	}
	for kind := range kinds {
		if !seen[kind] {
			t.Errorf("no %s: the list of kinds is stale, or the files were not found", kind)
		}
	}
}

// check decodes a document strictly and returns its kind.
func check(t *testing.T, file, document string) string {
	t.Helper()
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	kind := meta.APIVersion + " " + meta.Kind
	empty, known := kinds[kind]
	switch {
	case !known:
		t.Errorf("%s: unknown kind %s", file, kind)
	case empty != nil:
		if err := yaml.UnmarshalStrict([]byte(document), empty()); err != nil {
			t.Errorf("%s: %s: %v", file, kind, err)
		}
	}
	return kind
}
