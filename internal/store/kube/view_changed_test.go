package kube

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

func TestChangedSince(t *testing.T) {
	t.Parallel()
	f := newFleet()
	objects := f.objects(t, 3*perBlock)
	s := storeOf(objects)
	for i := 0; i < len(objects); i += 7 { // some are written again, and some go
		next := copied(t, objects[i])
		next.ResourceVersion = strconv.Itoa(90_000 + i)
		next.Status.UpdatedTime = &v1alpha1.MicroTime{Time: f.noon.Add(time.Duration(i) * time.Hour)}
		s.shelf.put(next)
		s.shelf.remove(objects[i+1].UID)
	}
	for _, since := range []time.Time{{}, f.noon.Add(-time.Hour), f.noon.Add(12 * time.Second), f.noon.Add(20 * time.Second), f.noon.Add(100 * time.Hour), f.noon.Add(1e6 * time.Hour)} {
		var want []string
		for run := range s.shelf.moment().all() {
			if !run.LastRecorded().Before(since) {
				want = append(want, run.ID)
			}
		}
		var got []string
		for _, run := range s.ChangedSince(since) {
			got = append(got, run.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("changed since %v (-want +got):\n%s", since, diff)
		}
	}
}

// BenchmarkReconnect has 50 listeners come at once, who want what happened since the
// last run changed, in front of many runs that finished before.
func BenchmarkReconnect(b *testing.B) {
	objects := newFleet().objects(b, 100_000)
	store := storeOf(objects)
	last := store.shelf.byID(objects[len(objects)-1].Spec.ID).LastRecorded()
	service := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: &manualClock{last}})
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
