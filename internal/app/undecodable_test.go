//go:build apiserver

package app

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// breaking creates objects that cannot be decoded, which an older CRD accepted.
type breaking struct {
	client    dynamic.Interface
	namespace string
}

func newBreaking(t *testing.T, env *testenv.Env, namespace string) *breaking {
	t.Helper()
	const condition = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/conditions/items/properties/lastTransitionTime/pattern"
	env.PatchCRD(t, "taskruns.taskrun.dev", `[{"op":"remove","path":"`+condition+`"}]`)
	const limit = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/slots/"
	env.PatchCRD(t, "concurrencylimits.taskrun.dev", `[{"op":"remove","path":"`+limit+`maximum"},{"op":"remove","path":"`+limit+`format"}]`)
	env.PatchCRD(t, "stateproposals.taskrun.dev", `[{"op":"remove","path":"`+condition+`"}]`)
	client, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	return &breaking{client: client, namespace: namespace}
}

func (b *breaking) resource(name string) dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{
		Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: name,
	}).Namespace(b.namespace)
}

// setCondition gives an object a condition with this time, when the API server
// accepts it.
func (b *breaking) setCondition(t *testing.T, resource, name, at string) {
	t.Helper()
	patch := `{"status":{"conditions":[{"type":"Odd","status":"True","reason":"X","message":"","lastTransitionTime":"` + at + `"}]}}`
	var err error
	eventually(t, "the API server has the older schema", func() bool {
		_, err = b.resource(resource).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
		return err == nil
	}, func() { t.Log(err) })
}

func (b *breaking) addLimit(t *testing.T, name string, slots int64) {
	t.Helper()
	limit := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "ConcurrencyLimit", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"slots": slots},
	}}
	var err error
	eventually(t, "the API server has the older schema", func() bool {
		_, err = b.resource("concurrencylimits").Create(t.Context(), limit, metav1.CreateOptions{})
		return err == nil
	}, func() { t.Log(err) })
}

// One object that cannot be decoded does not affect others: the program stays ready,
// and can restart.
func TestUndecodableObject_doesNotAffectOthers(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	b := newBreaking(t, env, c.namespace)
	p := start(t, env.Config, c.namespace, nil)
	broken, other := createOverREST(t, p, "1"), createOverREST(t, p, "2")
	byHand := c.apply(t, "by-hand", v1alpha1.TaskRunSpec{})
	for _, name := range []string{broken, other, "by-hand"} {
		c.await(t, name, "is PENDING", inState("PENDING"))
	}
	b.setCondition(t, "taskruns", broken, "2026-01-01t00:00:00z")
	b.setCondition(t, "taskruns", "by-hand", "2026-01-01T00:00:00+99:99")
	b.addLimit(t, "broken", 3_000_000_000)
	evaluated := c.proposed(t, other, "PENDING")
	b.setCondition(t, "stateproposals", evaluated.Name, "2026-01-01t00:00:00z")

	wantSkipped := func(p *program) {
		t.Helper()
		for id, name := range map[string]string{broken: broken, string(byHand.UID): "by-hand"} {
			awaitAnswer(t, p, http.MethodGet, "/task_runs/"+id, "", http.StatusInternalServerError,
				"TaskRun "+c.namespace+"/"+name+" cannot be decoded: status.conditions[0].lastTransitionTime: ")
		}
		awaitAnswer(t, p, http.MethodPost, "/task_runs/"+broken+"/set_state", `{"state":{"type":"RUNNING"}}`, http.StatusInternalServerError, "cannot be decoded")
		awaitAnswer(t, p, http.MethodPost, "/task_runs/", `{"task_key":"hello","dynamic_key":"1"}`, http.StatusInternalServerError, "cannot be decoded")
		awaitAnswer(t, p, http.MethodGet, "/v2/concurrency_limits/broken", "", http.StatusInternalServerError, "cannot be decoded: spec.slots: ")
		awaitAnswer(t, p, http.MethodPost, "/v2/concurrency_limits/filter", `{}`, http.StatusOK, "[")
		awaitAnswer(t, p, http.MethodPost, "/task_runs/count", `{}`, http.StatusOK, "1")
		awaitAnswer(t, p, http.MethodGet, "/ready", "", http.StatusOK, "")
	}
	wantSkipped(p)
	setState(t, p, other, "RUNNING")
	c.propose(t, other, "CANCELLED")
	c.await(t, other, "is CANCELLED", inState("CANCELLED"))

	p.stop()
	p = start(t, env.Config, c.namespace, nil)
	wantSkipped(p)
	third := createOverREST(t, p, "3")
	setState(t, p, third, "PENDING")
	c.awaitVerdict(t, c.propose(t, third, "CANCELLED"), true)

	b.setCondition(t, "taskruns", broken, "2026-01-01T00:00:00Z")
	awaitAnswer(t, p, http.MethodGet, "/task_runs/"+broken, "", http.StatusOK, broken)
	setState(t, p, broken, "RUNNING")
	if err := b.resource("taskruns").Delete(t.Context(), "by-hand", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitAnswer(t, p, http.MethodGet, "/task_runs/"+string(byHand.UID), "", http.StatusNotFound, "")
}

// awaitAnswer waits for this response to a request.
func awaitAnswer(t *testing.T, p *program, method, path, body string, wantStatus int, wantIn string) {
	t.Helper()
	var status int
	var text string
	eventually(t, method+" "+path, func() bool {
		status, text = call(t, method, p.url()+path, body)
		return status == wantStatus && strings.Contains(text, wantIn)
	}, func() { t.Logf("got %d %s, want %d and %q in it", status, text, wantStatus, wantIn) })
}
