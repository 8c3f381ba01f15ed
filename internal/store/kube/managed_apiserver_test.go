//go:build apiserver

package kube_test

import (
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// owned returns the fields of each entry of managedFields, by manager and subresource.
func owned(object *v1alpha1.TaskRun) map[string]string {
	fields := map[string]string{}
	for _, entry := range object.ManagedFields {
		fields[entry.Manager+"/"+entry.Subresource] = entry.FieldsV1.GetRawString()
	}
	return fields
}

// A rename over REST leaves spec to its owner, and the next name that the owner applies takes
// precedence.
func TestRename_leavesSpecToItsOwner(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	service := newService(openReplica(t, env.Config).Namespace(namespace))
	people, object := newClient(t, env.Config), &v1alpha1.TaskRun{}
	apply := func(fields string) {
		t.Helper()
		*object = v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "applied"}}
		manifest := []byte(`{"apiVersion":"taskrun.dev/v1alpha1","kind":"TaskRun","metadata":{"name":"applied"},"spec":{"taskKey":"k",` + fields + `}}`)
		if err := people.Patch(t.Context(), object, client.RawPatch(types.ApplyPatchType, manifest), client.FieldOwner("person")); err != nil {
			t.Fatalf("applying %s: %v", fields, err)
		}
	}
	called := func(what, want string) {
		t.Helper()
		var got string
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			if run, err := service.Get(t.Context(), string(object.UID)); err == nil {
				if got = run.Name; got == want {
					return
				}
			}
			runtime.Gosched()
		}
		t.Fatalf("%s: the run is called %q, want %q", what, got, want)
	}
	apply(`"name":"first"`)
	called("applied", "first")
	before := object.Generation
	if err := service.Rename(t.Context(), string(object.UID), "renamed"); err != nil {
		t.Fatal(err)
	}
	called("renamed", "renamed")
	apply(`"name":"first"`)
	apply(`"name":"first","tags":["a"]`)
	if object.Spec.Name != "first" || object.Status.Name != "renamed" || object.Generation != before+1 {
		t.Errorf("spec.name is %q, status.name %q, generation %d after %d", object.Spec.Name, object.Status.Name, object.Generation, before)
	}
	called("applied again", "renamed")
	apply(`"name":"second","tags":["a"]`)
	called("another name applied", "second")
}

// Fields that users apply to a run created over REST stay theirs through the operator's writes.
// The operator owns the status as a whole.
func TestPeopleApplyToARunMadeOverREST(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	service := newService(openReplica(t, env.Config).Namespace(namespace))
	run, _, err := service.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{TaskKey: "k", DynamicKey: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	setState := func(kind orchestration.StateType) {
		if _, err := service.SetState(t.Context(), run.ID, taskrun.Proposal{Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	setState(orchestration.Running)
	people := newClient(t, env.Config)
	object := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: run.ID}}
	manifest := []byte(`{"apiVersion":"taskrun.dev/v1alpha1","kind":"TaskRun","metadata":{"name":"` + run.ID +
		`","labels":{"team":"data"}},"spec":{"tags":["seen"]}}`)
	err = people.Patch(t.Context(), object, client.RawPatch(types.ApplyPatchType, manifest), client.FieldOwner("person"))
	if err != nil {
		t.Fatalf("applying: %v", err)
	}
	setState(orchestration.Completed)
	if err := people.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	if object.Labels["team"] != "data" || !slices.Equal(object.Spec.Tags, []string{"seen"}) {
		t.Errorf("got labels %v, tags %v, want what was applied", object.Labels, object.Spec.Tags)
	}
	if got := object.Status.State.Type; got != string(orchestration.Completed) {
		t.Errorf("got state %s, want it completed", got)
	}
	fields := owned(object)
	want := `{"f:metadata":{"f:labels":{"f:team":{}}},"f:spec":{"f:tags":{}}}`
	if env.Minor(t) < 36 {
		// A write of the status without the label does not change the label, but removes its
		// owner.
		want = `{"f:spec":{"f:tags":{}}}`
	}
	if got := fields["person/"]; got != want {
		t.Errorf("the person owns %s, want %s", got, want)
	}
	const whole = `{"f:status":{}}`
	if !slices.Contains(slices.Collect(maps.Values(fields)), whole) {
		t.Errorf("the fields owned are %v, want an entry %s", fields, whole)
	}
}
