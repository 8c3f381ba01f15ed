//go:build apiserver

package manifests

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const chartFolder = "charts/taskrun-operator"

// chart renders the chart in the namespace of the installation.
func chart(t *testing.T, namespace string, args ...string) Objects {
	t.Helper()
	output, err := helm(t, append([]string{"template", "any", chartFolder, "--namespace", namespace}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, output)
}

// plain removes the labels and annotations of Helm, and objects that only
// kustomize creates.
func plain(objects Objects) map[string]map[string]any {
	all := map[string]map[string]any{}
	for at, object := range objects {
		if object.GetKind() == "Namespace" { // Helm creates it with --create-namespace, without labels
			continue
		}
		object = object.DeepCopy()
		object.SetLabels(without(object.GetLabels(), "app.kubernetes.io/managed-by", "helm.sh/chart"))
		object.SetAnnotations(without(object.GetAnnotations(), "helm.sh/resource-policy"))
		all[at] = object.Object
	}
	return all
}

func without[M ~map[string]V, V any](all M, keys ...string) M {
	rest := maps.Clone(all)
	for _, key := range keys {
		delete(rest, key)
	}
	if len(rest) == 0 {
		return nil
	}
	return rest
}

func TestChart_equalsTheKustomization(t *testing.T) {
	for name, c := range map[string]struct {
		namespace  string
		components []string
		values     string
	}{
		"the defaults":                 {namespace: home},
		"in another namespace":         {namespace: "team-a"},
		"behind kube-apiserver":        {namespace: home, components: []string{"aggregation"}, values: "aggregation.enabled=true"},
		"with a share of the requests": {namespace: "team-a", components: []string{"flow-control"}, values: "flowControl.enabled=true"},
		"watched by Prometheus":        {namespace: "team-a", components: []string{"prometheus"}, values: "prometheus.enabled=true"},
		"on OpenShift":                 {namespace: "team-a", components: []string{"openshift"}, values: "podUser=platform"},
		"recording the proposer":       {namespace: home, components: []string{"record-proposer"}, values: "proposalPolicy.recordProposer=true"},
		"without a network policy":     {namespace: home, components: []string{"without-network-policy"}, values: "networkPolicy.enabled=false"},
	} {
		t.Run(name, func(t *testing.T) {
			want := plain(overlay(t, c.namespace, c.components...))
			got := plain(chart(t, c.namespace, "--set", c.values))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("kustomize (-), chart (+):\n%s", diff)
			}
		})
	}
}

// The flags have another form there, which the next test checks.
func TestChart_equalsTheKustomizationWithoutTheDeployment(t *testing.T) {
	for name, c := range map[string]struct {
		components []string
		values     string
	}{
		"with cert-manager": {[]string{"cert-manager"}, "tls.mode=certManager"},
		"with cert-manager and behind kube-apiserver": {
			[]string{"aggregation", "cert-manager"}, "tls.mode=certManager,aggregation.enabled=true",
		},
		"in one namespace": {[]string{"namespaced"}, "servedNamespace=team-a,watchNamespaces={team-a}"},
	} {
		t.Run(name, func(t *testing.T) {
			want := plain(overlay(t, "team-a", c.components...))
			got := plain(chart(t, "team-a", "--set", c.values))
			deployment := key("Deployment", "team-a", manager)
			if want[deployment] == nil || got[deployment] == nil {
				t.Fatal("no Deployment")
			}
			delete(want, deployment)
			delete(got, deployment)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("kustomize (-), chart (+):\n%s", diff)
			}
		})
	}
}

func TestChart_passesHelmLint(t *testing.T) {
	for name, values := range map[string]string{
		"the defaults": "replicas=2",
		"everything":   "aggregation.enabled=true,prometheus.enabled=true,flowControl.enabled=true,tls.mode=certManager",
	} {
		t.Run(name, func(t *testing.T) {
			if output, err := helm(t, "lint", "--strict", chartFolder, "--set", values); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// at returns the value at a path; a number is an index.
func at(t *testing.T, object *unstructured.Unstructured, path string) any {
	t.Helper()
	if object == nil {
		return nil
	}
	var value any = object.Object
	for part := range strings.SplitSeq(path, "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			if part != "0" || len(v) == 0 {
				t.Fatalf("%s: %q of %d", path, part, len(v))
			}
			value = v[0]
		default:
			return nil
		}
	}
	return value
}
