package kube

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var update = flag.Bool("update", false, "write the objects of hack/gitops/testdata instead of comparing them")

// suspended is PAUSED with another name.
const suspended orchestration.StateType = "SUSPENDED"

// The health checks for GitOps are tested on objects in files, in a module that cannot import this package. The files
// must equal the stored objects in each state.
func TestGitOps_filesEqualStoredObjects(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)
	for _, kind := range []orchestration.StateType{
		"", suspended, orchestration.Scheduled, orchestration.Pending, orchestration.Running, orchestration.Paused, orchestration.Cancelling,
		orchestration.Completed, orchestration.Failed, orchestration.Cancelled, orchestration.Crashed,
	} {
		name := "created"
		object := &v1alpha1.TaskRun{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "TaskRun"},
			ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "default", Generation: 1},
			Spec:       v1alpha1.TaskRunSpec{TaskKey: new("db.migrate")},
		}
		if kind != "" {
			name = strings.ToLower(string(kind))
			stateName := kind.DefaultName()
			if kind == suspended {
				kind = orchestration.Paused
			}
			run := &taskrun.Run{TaskKey: "db.migrate", Created: at, Ref: taskrun.ObjectRef{Generation: 1}}
			run.Updated = at
			run.State = &orchestration.State{
				ID: "0198a1b2-0000-7000-8000-000000000001", Type: kind, Name: stateName, Timestamp: at, Message: new("set by hand"),
			}
			object.Status = convert.StatusFromRun(run)
		}
		compareFile(t, filepath.Join("..", "..", "..", "hack", "gitops", "testdata", name+".yaml"), object)
		switch name { // as the controller writes them
		case "created":
			compareFile(t, filepath.Join("..", "..", "..", "hack", "gitops", "testdata", "duplicate.yaml"), stalled(object, at))
		case "completed":
			compareFile(t, filepath.Join("..", "..", "..", "hack", "gitops", "testdata", "overtaken.yaml"), stalled(object, at))
		}
	}
}

// stalled returns the object when its spec.id belongs to another one.
func stalled(object *v1alpha1.TaskRun, at time.Time) *v1alpha1.TaskRun {
	object = object.DeepCopy()
	object.Status.ObservedGeneration = object.Generation
	object.Status.Conditions = append(object.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonDuplicateID,
		Message: "set by hand", ObservedGeneration: object.Generation, LastTransitionTime: metav1.NewTime(at),
	})
	return object
}

// compareFile compares a file with an object, or writes it.
func compareFile(t *testing.T, path string, object *v1alpha1.TaskRun) {
	t.Helper()
	want, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale (%v): run go test ./internal/store/kube -run ThatHealthChecks -update; want\n%s", path, err, want)
	}
}
