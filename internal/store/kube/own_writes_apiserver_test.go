//go:build apiserver

package kube_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// A write returns a run that is computed from the written run. It equals the run of the
// object that the API server stored, with its defaults and precision.
func TestWrites_returnTheRunOfTheStoredObject(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	replica := openReplica(t, env.Config)
	replica.freeze() // the index has only the responses to the replica's own calls
	store, reader := replica.Namespace(namespace), newClient(t, env.Config)
	m := storetest.NewRandom(29, 1)
	for range 60 {
		run := m.Run()
		created, err := store.Create(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		wantOwnWrite(t, reader, namespace, created)
		next := *created
		m.Progress(&next)
		next.State.Timestamp = next.State.Timestamp.Add(7).In(time.FixedZone("", 3600))
		written, err := store.UpdateProgress(t.Context(), &next)
		if err != nil {
			t.Fatal(err)
		}
		wantOwnWrite(t, reader, namespace, written)
		if err := store.Rename(t.Context(), run.ID, m.ID(), m.Time()); err != nil {
			t.Fatal(err)
		}
		wantOwnWrite(t, reader, namespace, store.Known(run.ID))
	}
}

// wantOwnWrite compares the run that a write returned with that of the stored object.
// JSON has no difference between a missing list or map and an empty one.
func wantOwnWrite(t *testing.T, reader client.Client, namespace string, got *taskrun.Run) {
	t.Helper()
	object := &v1alpha1.TaskRun{}
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: got.Ref.Name}, object); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(convert.RunFromObject(object), got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("own write (-API server +returned):\n%s", diff)
	}
}
