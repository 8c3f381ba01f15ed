//go:build apiserver

package kube_test

import (
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/testenv"
)

// owned are the fields that each entry of managedFields names, by manager and
// subresource.
func owned(object *v1alpha1.TaskRun) map[string]string {
	fields := map[string]string{}
	for _, entry := range object.ManagedFields {
		fields[entry.Manager+"/"+entry.Subresource] = entry.FieldsV1.GetRawString()
	}
	return fields
}

// What people apply to a run that was made over REST is theirs, and stays
// through the operator's own writes; of the status, only the whole is owned.
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
		// A write of the status that does not send the label leaves it as it is, but without an owner.
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
