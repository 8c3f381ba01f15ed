//go:build apiserver

package kube_test

import (
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// Undecodable objects, which an older CRD accepted, are skipped by the list of a
// new replica and by the watch of a running one, through repairs, an outage and
// deletion.
func TestUndecodableObjects_areSkippedByListAndWatch(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	const pattern = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/conditions/items/properties/lastTransitionTime/pattern"
	env.PatchCRD(t, "taskruns.taskrun.dev", `[{"op":"remove","path":"`+pattern+`"}]`)
	objects, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	runs := objects.Resource(schema.GroupVersionResource{
		Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "taskruns",
	}).Namespace(namespace)
	setTime := func(name, at string) {
		t.Helper()
		patch := `{"status":{"conditions":[{"type":"Odd","status":"True","reason":"X","message":"","lastTransitionTime":"` + at + `"}]}}`
		eventually(t, "the API server takes "+at, func() bool {
			_, err := runs.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
			return err == nil
		})
	}
	first := openReplica(t, env.Config)
	made := map[string]*taskrun.Run{}
	for _, name := range []string{"a", "b", "c"} {
		run, err := first.Namespace(namespace).Create(t.Context(), newRun())
		if err != nil {
			t.Fatal(err)
		}
		made[name] = run
	}
	broken := made["b"].ID
	setTime(broken, "2026-01-01t00:00:00z")
	want := func(r replica, name string, skipped, count int) {
		t.Helper()
		store := r.Namespace(namespace)
		eventually(t, name, func() bool {
			n, err := store.Count(t.Context(), taskrun.Filter{})
			return err == nil && n == count && r.Undecodable()["TaskRun"] == skipped
		})
		eventually(t, name+": it is ready", func() bool { return store.Ready(t.Context()) == nil })
		var undecodable *taskrun.UndecodableError
		if _, err := store.Get(t.Context(), broken); errors.As(err, &undecodable) != (skipped > 0) {
			t.Errorf("%s: Get() of it: error %v", name, err)
		}
		if _, err := store.Reload(t.Context(), made["b"]); errors.As(err, &undecodable) != (skipped > 0) {
			t.Errorf("%s: Reload() of it: error %v", name, err)
		}
	}
	want(first, "the watch of a running replica", 1, 2)
	second := openReplica(t, env.Config)
	want(second, "the list of a new one", 1, 2)
	env.StopAPIServer(t)
	env.StartAPIServer(t)
	want(second, "after an outage", 1, 2)
	setTime(broken, "2026-01-01T00:00:00Z")
	want(first, "after the repair", 0, 3)
	want(second, "after the repair, elsewhere", 0, 3)
	setTime(broken, "2026-01-01T00:00:00x5Z")
	want(first, "broken again", 1, 2)
	if err := runs.Delete(t.Context(), broken, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	want(first, "after the deletion", 0, 2)
	if _, err := first.Namespace(namespace).Get(t.Context(), broken); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Get() of a deleted one: error %v, want ErrNotFound", err)
	}
}
