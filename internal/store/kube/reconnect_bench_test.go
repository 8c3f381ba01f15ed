package kube

import (
	"sync"
	"testing"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// BenchmarkReconnect starts 50 listeners at once that request the changes since the
// last run changed, with many runs that finished before.
func BenchmarkReconnect(b *testing.B) {
	objects := objecttest.NewFleet().Objects(b, 100_000)
	store := storeOf(objects)
	last := store.index.ByID(objects[len(objects)-1].Spec.ID).LastRecorded()
	service := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: testingclock.NewFakePassiveClock(last)})
	const listeners = 50
	for b.Loop() {
		var joined, all sync.WaitGroup
		joined.Add(listeners)
		for range listeners {
			all.Go(func() {
				for _, err := range service.Follow(b.Context(), taskrun.WatchOptions{Since: last}) {
					if err != nil {
						b.Error(err)
					}
					break
				}
				joined.Done()
				joined.Wait()
			})
		}
		all.Wait()
	}
}
