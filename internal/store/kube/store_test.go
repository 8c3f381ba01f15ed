package kube

import (
	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// Ids of runs and states in these tests.
const (
	idA    = "0198a1b2-0000-7000-8000-00000000000a"
	idB    = "0198a1b2-0000-7000-8000-00000000000b"
	stateA = "0198a1b2-0000-7000-9000-00000000000a"
	stateB = "0198a1b2-0000-7000-9000-00000000000b"
)

// storeOf returns a store whose index has these objects.
func storeOf(objects []*v1alpha1.TaskRun) *Store {
	ingest := NewIngest(nil, nil)
	cluster := &Cluster{index: ingest.index, watches: ingest.watches, synced: func() bool { return true }}
	store := storeIn(cluster.index)
	for _, o := range objects {
		must(store.Add(o))
	}
	return cluster.Namespace("default")
}

// storeIn returns the store of a reflector of all namespaces.
func storeIn(x *index.Index) reflectorStore { return reflectorStore{x.NewWatchScope("")} }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
