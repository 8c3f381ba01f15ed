//go:build apiserver

package kube_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	cluster := openReplica(t, env.Config)
	storetest.Run(t, func(t *testing.T) taskrun.Store {
		t.Helper()
		return cluster.Namespace(env.Namespace(t))
	})
}

func TestStore_twoStoresOnOneAPIServer(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	one, two := openReplica(t, env.Config), openReplica(t, env.Config)
	storetest.RunTwo(t, func(t *testing.T) (a, b taskrun.Store) {
		t.Helper()
		namespace := env.Namespace(t)
		return one.Namespace(namespace), two.Namespace(namespace)
	})
}

const (
	// startLimit is the timeout of the first list.
	startLimit = time.Minute
	// callLimit is the timeout of each call of a replica.
	callLimit = 10 * time.Second
)

// replica is a Cluster with its own watch, which ends with the test.
type replica struct {
	*kube.Cluster
	// freeze ends the watch: from then on the index gets only the responses to
	// the replica's own calls.
	freeze func()
}

// openReplica returns a replica for an API server.
func openReplica(t *testing.T, config *rest.Config) replica {
	t.Helper()
	ingest := kube.NewIngest(nil, nil)
	watching := rest.CopyConfig(config)
	watching.Wrap(ingest.Transport)
	objects, err := cache.New(watching, cache.Options{
		Scheme: newScheme(t), DefaultTransform: ingest.Transform, NewInformer: ingest.NewInformer,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	general := newClient(t, watching) // as in the program, through the Transport
	connections, err := rest.HTTPClientFor(watching)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := kube.NewDirect(config, connections)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.New(ctx, kube.Options{
		Direct: direct, Client: general, Reader: general, Cache: objects, Ingest: ingest, Timeout: callLimit,
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var running sync.WaitGroup
		running.Go(func() { _ = cluster.Start(ctx) })
		if err := objects.Start(ctx); err != nil {
			t.Errorf("the cache ended: %v", err)
		}
		running.Wait()
	}()
	freeze := func() {
		cancel()
		<-stopped
	}
	t.Cleanup(freeze)
	limited, done := context.WithTimeout(ctx, startLimit)
	defer done()
	if !cluster.WaitForSync(limited) {
		t.Fatal("the first list did not complete")
	}
	flows := cluster.Flows("default")
	eventually(t, "the first lists of flows are complete", func() bool {
		_, err := flows.Snapshot(t.Context())
		return err == nil
	})
	return replica{Cluster: cluster, freeze: freeze}
}

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return scheme
}

// newClient returns a client like the program's: strict, and without a cache.
func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	direct, err := client.New(config, client.Options{Scheme: newScheme(t), FieldValidation: "Strict"})
	if err != nil {
		t.Fatal(err)
	}
	return direct
}
