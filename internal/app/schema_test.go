//go:build apiserver

package app

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// changeCRD modifies an installed CRD.
func changeCRD(t *testing.T, c client.Client, change func(status map[string]any)) {
	t.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	if err := c.Get(t.Context(), client.ObjectKey{Name: "taskruns.taskrun.dev"}, crd); err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	version, _ := versions[0].(map[string]any)
	path := []string{"schema", "openAPIV3Schema", "properties", "status", "properties"}
	status, _, err := unstructured.NestedMap(version, path...)
	if err != nil {
		t.Fatal(err)
	}
	change(status)
	if err := unstructured.SetNestedMap(version, status, path...); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	if err := c.Update(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
}

func TestSchema_olderCRDMakesTheProgramNotReady(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, nil)
	answers := func(want int, text string) {
		t.Helper()
		var status int
		var body string
		eventually(t, "/ready is "+http.StatusText(want), func() bool {
			status, body = call(t, http.MethodGet, p.url()+"/ready", "")
			return status == want && strings.Contains(body, text)
		}, func() { t.Logf("/ready: %d %s", status, body) })
	}
	answers(http.StatusOK, "OK")
	var delivery any
	changeCRD(t, c.Client, func(status map[string]any) {
		delivery = status["delivery"]
		delete(status, "delivery")
	})
	answers(http.StatusServiceUnavailable, "TaskRun.status.delivery is missing")
	changeCRD(t, c.Client, func(status map[string]any) { status["delivery"] = delivery })
	answers(http.StatusOK, "OK")
}
