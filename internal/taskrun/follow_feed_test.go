package taskrun_test

import (
	"sync/atomic"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// countedStore counts who follows it, and how often all runs were walked.
type countedStore struct {
	taskrun.Store

	followers, walks atomic.Int64
}

func (s *countedStore) Follow(change func(before, after *taskrun.Run)) (now []*taskrun.Run, stop func()) {
	s.walks.Add(1)
	s.followers.Add(1)
	now, unfollow := s.Store.Follow(change)
	return now, func() {
		s.followers.Add(-1)
		unfollow()
	}
}

// What a write costs does not grow with the number of readers: the store tells one.
func TestReadersShareOneFollower(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	store := &countedStore{Store: r.Store}
	service := taskrun.NewService(taskrun.ServiceOptions{Namespace: "default", Store: store, Clock: r.Clock})
	run := mustCreate(t, r.Service, newRun("1"))

	const readers = 50
	ended := make(chan int, readers)
	begun := make(chan struct{}, readers)
	read := func(f taskrun.Following) {
		heard := 0
		for c, err := range service.Follow(t.Context(), f) {
			if err != nil {
				t.Error(err)
				break
			}
			if heard++; heard == 1 {
				begun <- struct{}{}
			}
			if c.State.Type == orchestration.Completed {
				break
			}
		}
		ended <- heard
	}
	go read(taskrun.Following{})
	<-begun
	walks := store.walks.Load()
	for range readers - 1 {
		go read(taskrun.Following{RunIDs: []string{run.ID}})
	}
	for range readers - 1 {
		<-begun
	}
	if n := store.followers.Load(); n != 1 {
		t.Errorf("%d follow the store, want one for all readers", n)
	}
	if n := store.walks.Load() - walks; n != 0 {
		t.Errorf("all runs were walked %d times for readers of one run", n)
	}
	mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Running})
	mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Completed})
	for range readers {
		if heard := <-ended; heard != 3 {
			t.Errorf("a reader heard of %d changes, want 3", heard)
		}
	}
	if n := store.followers.Load(); n != 0 {
		t.Errorf("%d follow the store although no reader is left", n)
	}
	for c, err := range service.Follow(t.Context(), taskrun.Following{}) { // a feed that begins anew
		if err != nil || c.Run.ID != run.ID {
			t.Errorf("change of %v, error %v", c.Run, err)
		}
		break
	}
}
