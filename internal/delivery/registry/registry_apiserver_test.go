//go:build apiserver

package registry

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func open(t *testing.T, direct client.Client, namespace, identity string, clock *offsetclock.Clock) *Registry {
	t.Helper()
	return New(Options{
		Client: direct, Reader: direct, Namespace: namespace, Serves: "runs", Identity: identity, Clock: clock,
		Log: slog.New(slog.DiscardHandler),
	})
}

// start runs the registry until the test ends or stop is called.
func start(t *testing.T, r *Registry) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = r.Start(ctx)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// await waits until the registry lists this number of workers of other replicas.
func await(t *testing.T, r *Registry, want int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		if others, _ := r.In("runs").Others(); len(others) == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			others, _ := r.In("runs").Others()
			t.Fatalf("%d workers of other replicas, want %d", len(others), want)
		}
	}
}

func TestRegistry_listsWorkersOfOtherReplicas(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	direct, err := client.New(env.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace, clock := env.Namespace(t), offsetclock.New(0)
	a, b := open(t, direct, namespace, "replica-a", clock), open(t, direct, namespace, "replica-b", clock)
	stopA := start(t, a)
	start(t, b)
	a.In("runs").Announce([]delivery.Worker{{Namespace: "runs", ID: "w", TaskKeys: []string{"k"}}})
	await(t, b, 1)
	others, _ := b.In("runs").Others()
	if got := others[0]; got.ID != "w" || len(got.TaskKeys) != 1 || got.Seen.IsZero() {
		t.Errorf("worker %+v", got)
	}
	a.In("runs").Announce([]delivery.Worker{{Namespace: "runs", ID: "w"}, {Namespace: "runs", ID: "v"}})
	await(t, b, 2)
	await(t, a, 0)
	stopA()
	await(t, b, 0)
}

// A replica that was killed does not delete its Lease.
func TestRegistry_killedReplicaHasNoWorkers(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	direct, err := client.New(env.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace, clock := env.Namespace(t), offsetclock.New(0)
	dead, b := open(t, direct, namespace, "replica-dead", clock), open(t, direct, namespace, "replica-b", clock)
	dead.In("runs").Announce([]delivery.Worker{{Namespace: "runs", ID: "w"}})
	if err := dead.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	await(t, b, 1)
	readFor := func(duration time.Duration) { // without an outage: after one, no replica counts as ended
		for range 2*int(duration/maxReadAge) + 2 {
			clock.Step(maxReadAge / 2)
			if err := b.read(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
		}
	}
	readFor(leaseTimeout)
	await(t, b, 0)
	readFor(deleteAfter)
	var lease coordinationv1.Lease
	err = direct.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "replica-dead"}, &lease)
	if client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("its Lease still exists, error %v", err)
	}
}
