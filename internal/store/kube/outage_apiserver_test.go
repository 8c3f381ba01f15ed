//go:build apiserver

package kube_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// During an outage of the API server, writes time out and the index does not
// change. Afterwards the store works again by itself.
func TestStore_outageOfTheAPIServer(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	s := openReplica(t, env.Config).Namespace(namespace)
	run, err := s.Create(t.Context(), newRun())
	if err != nil {
		t.Fatal(err)
	}
	next := *run
	next.State = new(taskrun.Proposal{Type: orchestration.Running}.State(uuid.NewString(), begin.Add(time.Second)))
	next.History = run.States()

	env.StopAPIServer(t)
	for name, call := range map[string]func(context.Context) error{
		"Create":                func(ctx context.Context) error { _, err := s.Create(ctx, newRun()); return err },
		"Get of an unknown run": func(ctx context.Context) error { _, err := s.Get(ctx, uuid.NewString()); return err },
		"Reload":                func(ctx context.Context) error { _, err := s.Reload(ctx, run); return err },
		"UpdateProgress":        func(ctx context.Context) error { _, err := s.UpdateProgress(ctx, &next); return err },
		"Rename":                func(ctx context.Context) error { return s.Rename(ctx, run.ID, "new", begin) },
		"Delete":                func(ctx context.Context) error { return s.Delete(ctx, run.ID, nil) },
		"Ready":                 s.Ready,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*callLimit)
		if err := call(ctx); !errors.Is(err, taskrun.ErrUnavailable) || ctx.Err() != nil {
			t.Errorf("%s without an API server: error %v (context: %v), want ErrUnavailable in time", name, err, ctx.Err())
		}
		cancel()
	}
	if read, err := s.Get(t.Context(), run.ID); err != nil || read.Ref != run.Ref {
		t.Errorf("Get() without an API server = %v, error %v, want the run", read, err)
	}
	if n, err := s.Count(t.Context(), taskrun.Filter{}); err != nil || n != 1 {
		t.Errorf("Count() without an API server = %d, error %v, want 1", n, err)
	}

	env.StartAPIServer(t)
	eventually(t, "the store is ready again", func() bool { return s.Ready(t.Context()) == nil })
	if again, err := s.Reload(t.Context(), run); err != nil || again.Ref != run.Ref {
		t.Errorf("the run after the restart is %v, error %v, want it as it was", again, err)
	}
	if _, err := s.UpdateProgress(t.Context(), &next); err != nil {
		t.Errorf("UpdateProgress() after the restart: %v", err)
	}
	other := apply(t, newClient(t, env.Config), namespace, "by-hand", "")
	eventually(t, "the watch tells of what others make", func() bool {
		_, err := s.Find(t.Context(), taskrun.NaturalKey{TaskKey: "k", DynamicKey: other.Name})
		return err == nil
	})
}
