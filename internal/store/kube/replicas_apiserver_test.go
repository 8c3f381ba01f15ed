//go:build apiserver

package kube_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

var begin = time.Date(2026, time.August, 21, 10, 0, 0, 123456000, time.UTC)

// newRun returns a run with a new id in its first state.
func newRun() *taskrun.Run {
	id := uuid.NewString()
	run := taskrun.Begin(
		taskrun.Run{ID: id, Name: "n", TaskKey: "k", DynamicKey: id, Created: begin, Updated: begin, StatusStale: true},
		taskrun.Proposal{Type: orchestration.Pending}.State(uuid.NewString(), begin),
	)
	return &run
}

// apply creates an object like kubectl.
func apply(t *testing.T, c client.Client, namespace, name, id string, change ...func(*v1alpha1.TaskRun)) *v1alpha1.TaskRun {
	t.Helper()
	object := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	object.Spec.ID, object.Spec.TaskKey = id, new("k")
	for _, c := range change {
		c(object)
	}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	return object
}

// eventually waits until a condition holds, up to the maximum delay of the
// watch.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-limit.C:
			t.Fatalf("not in time: %s", what)
		case <-again.C:
		}
	}
}

// A replica with a stale watch changes the current run, and never the deleted
// one.
func TestStore_changeFindsTheRecreatedRun(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	cases := map[string]struct {
		change   func(s taskrun.Store, old *taskrun.Run) error
		wantErr  error // nil: the new run is changed
		wantName string
		wantGone bool
	}{
		"a rename": {
			change: func(s taskrun.Store, old *taskrun.Run) error {
				return s.Rename(t.Context(), old.ID, "renamed", begin.Add(time.Hour))
			},
			wantName: "renamed",
		},
		"a deletion": {
			change:   func(s taskrun.Store, old *taskrun.Run) error { return s.Delete(t.Context(), old.ID, nil) },
			wantGone: true,
		},
		"a deletion of the old version": {
			change:  func(s taskrun.Store, old *taskrun.Run) error { return s.Delete(t.Context(), old.ID, &old.Ref) },
			wantErr: taskrun.ErrConflict, wantName: "n",
		},
		"a write of progress": {
			change: func(s taskrun.Store, old *taskrun.Run) error {
				_, err := s.UpdateProgress(t.Context(), old)
				return err
			},
			wantErr: taskrun.ErrConflict, wantName: "n",
		},
		"its creation": {
			change: func(s taskrun.Store, old *taskrun.Run) error {
				existing, err := s.Create(t.Context(), old)
				if existing == nil || existing.Ref.UID == old.Ref.UID {
					t.Errorf("Create() = %v, error %v, want the new run", existing, err)
				}
				return err
			},
			wantErr: taskrun.ErrExists, wantName: "n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := env.Namespace(t)
			behind, other := openReplica(t, env.Config), openReplica(t, env.Config).Namespace(namespace)
			s := behind.Namespace(namespace)
			old, err := s.Create(t.Context(), newRun())
			if err != nil {
				t.Fatal(err)
			}
			behind.freeze()
			if err := other.Delete(t.Context(), old.ID, nil); err != nil {
				t.Fatal(err)
			}
			again, err := other.Create(t.Context(), old)
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.change(s, old); !errors.Is(err, tc.wantErr) {
				t.Errorf("error %v, want %v", err, tc.wantErr)
			}
			run, err := other.Reload(t.Context(), again)
			if gone := errors.Is(err, taskrun.ErrNotFound); gone != tc.wantGone || (run != nil && run.Name != tc.wantName) {
				t.Errorf("the new run is %v, error %v, want it gone: %v, or named %q", run, err, tc.wantGone, tc.wantName)
			}
		})
	}
}

// For a create, a run that another replica deleted does not exist, even if the
// index still has it.
func TestCreate_doesNotTrustAStaleIndex(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	behind, direct := openReplica(t, env.Config), newClient(t, env.Config)
	s := behind.Namespace(namespace)
	mine := newRun()
	byHand := apply(t, direct, namespace, "by-hand", newRun().ID)
	first, err := s.Create(t.Context(), mine)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the object made by hand is in the index", func() bool {
		_, err := s.Get(t.Context(), byHand.Spec.ID)
		return err == nil
	})
	behind.freeze()
	if err := direct.DeleteAllOf(t.Context(), &v1alpha1.TaskRun{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	second, err := s.Create(t.Context(), mine)
	if err != nil || second.Ref.UID == first.Ref.UID {
		t.Errorf("Create() of a run that is gone = %+v, error %v, want a new one", second, err)
	}
	other := newRun()
	other.ID = byHand.Spec.ID
	if _, err := s.Create(t.Context(), other); err != nil {
		t.Errorf("Create() with the id of an object that is gone: %v", err)
	}
}

func TestStore_objectsCreatedByUsers(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	s, direct := openReplica(t, env.Config).Namespace(namespace), newClient(t, env.Config)
	own := apply(t, direct, namespace, "with-an-id", newRun().ID)
	plain := apply(t, direct, namespace, "without", "")
	odd := apply(t, direct, namespace, uuid.NewString(), newRun().ID) // named like the object of another run

	for what, id := range map[string]string{"its own id": own.Spec.ID, "its uid": string(plain.UID), "not its name": odd.Spec.ID} {
		eventually(t, "a run is found by "+what, func() bool {
			run, err := s.Get(t.Context(), id)
			return err == nil && run.ID == id
		})
	}
	if run, err := s.Get(t.Context(), odd.Name); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Get() of an id that is only a name = %v, error %v, want ErrNotFound", run, err)
	}
	for what, tc := range map[string]struct{ id, want string }{
		"an id that is the name of another object": {id: own.Spec.ID, want: own.Spec.ID},
		"an id that is the name of another run":    {id: odd.Name, want: odd.Spec.ID},
	} {
		run := newRun()
		run.ID = tc.id
		existing, err := s.Create(t.Context(), run)
		if !errors.Is(err, taskrun.ErrExists) || existing == nil || existing.ID != tc.want {
			t.Errorf("Create() with %s = %v, error %v, want ErrExists and run %s", what, existing, err, tc.want)
		}
	}
}

// An object that only a finalizer keeps is not a run, and prevents the creation
// of a new one until it is deleted.
func TestStore_objectThatIsBeingDeletedIsNotARun(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	s, direct := openReplica(t, env.Config).Namespace(namespace), newClient(t, env.Config)
	run := newRun()
	object := apply(t, direct, namespace, run.ID, run.ID, func(o *v1alpha1.TaskRun) {
		o.Finalizers = []string{"example.com/keep"}
	})
	if err := s.Delete(t.Context(), run.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), run.ID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Get(): error %v, want ErrNotFound", err)
	}
	if n, err := s.Count(t.Context(), taskrun.Filter{}); err != nil || n != 0 {
		t.Errorf("Count() = %d, error %v, want 0", n, err)
	}
	if _, err := s.Create(t.Context(), run); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("Create() in its place: error %v, want ErrUnavailable", err)
	}
	free := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	if err := direct.Patch(t.Context(), object, free); err != nil {
		t.Fatal(err)
	}
	if created, err := s.Create(t.Context(), run); err != nil || created.Ref.UID == string(object.UID) {
		t.Errorf("Create() after it is gone = %v, error %v, want a new object", created, err)
	}
}

// Values beyond the limits of the schema are rejected with the name of the
// field, and nothing is stored.
func TestStore_rejectionByTheSchemaNamesTheField(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	s := openReplica(t, env.Config).Namespace(env.Namespace(t))
	cases := map[string]func(*taskrun.Run){
		"flow_run_id": func(r *taskrun.Run) { r.FlowRunID = "none" },
		"tags[1]":     func(r *taskrun.Run) { r.Tags = []string{"ok", strings.Repeat("x", 257)} },
		"state.name":  func(r *taskrun.Run) { r.State.Name = strings.Repeat("x", 257) },
	}
	for field, change := range cases {
		run := newRun()
		change(run)
		_, err := s.Create(t.Context(), run)
		var invalid *taskrun.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("Create() with a bad %s: error %v", field, err)
		}
		if _, err := s.Get(t.Context(), run.ID); !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("Get() of a run refused for its %s: error %v, want ErrNotFound", field, err)
		}
	}
}
