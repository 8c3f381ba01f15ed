//go:build apiserver

package kube_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	cluster := openCluster(t, env)
	storetest.Run(t, func(t *testing.T) taskrun.Store { return cluster.Namespace(env.Namespace(t)) })
}

func TestTwoStoresOverOneAPIServer(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	one, two := openCluster(t, env), openCluster(t, env)
	storetest.RunTwo(t, func(t *testing.T) (a, b taskrun.Store) {
		namespace := env.Namespace(t)
		return one.Namespace(namespace), two.Namespace(namespace)
	})
}

// startLimit bounds how long the first list may take.
const startLimit = time.Minute

// openCluster returns a replica of its own: its cache runs until the test ends.
func openCluster(t *testing.T, env *testenv.Env) *kube.Cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	direct, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := cache.New(env.Config, cache.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cluster, err := kube.New(ctx, kube.Options{Client: direct, Reader: direct, Cache: objects})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- objects.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("the cache ended: %v", err)
		}
	})
	limited, done := context.WithTimeout(ctx, startLimit)
	defer done()
	if !objects.WaitForCacheSync(limited) {
		t.Fatal("the first list did not complete")
	}
	return cluster
}
