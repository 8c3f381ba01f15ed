package usecase_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// countedStore counts its subscribers, the reads of changed runs, and the runs that it
// returned.
type countedStore struct {
	taskrun.Store

	followers, reads, visited atomic.Int64
}

func (s *countedStore) Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func()) {
	s.followers.Add(1)
	now, unfollow := s.Store.Follow(change)
	visit := func(yield func(*taskrun.Run) bool) {
		for run := range now {
			s.visited.Add(1)
			if !yield(run) {
				return
			}
		}
	}
	return visit, func() {
		s.followers.Add(-1)
		unfollow()
	}
}

func (s *countedStore) ChangedSince(since time.Time) []*taskrun.Run {
	s.reads.Add(1)
	runs := s.Store.ChangedSince(since)
	s.visited.Add(int64(len(runs)))
	return runs
}

// The cost of a write does not grow with the number of readers: the store notifies one subscriber.
func TestFollow_readersShareOneSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // ends when no reader can continue
		r := newRecorder()
		store := &countedStore{Store: r.Store}
		service := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: r.Clock})
		run := mustCreate(t, r.Service, newRun("1"))

		const readers = 50
		ended := make(chan int, readers)
		begun := make(chan struct{}, readers)
		read := func(f taskrun.WatchOptions) {
			received := 0
			for c, err := range oneByOne(service.Follow(t.Context(), f)) {
				if err != nil {
					t.Error(err)
					break
				}
				if received++; received == 1 {
					begun <- struct{}{}
				}
				if c.State.Type == orchestration.Completed {
					break
				}
			}
			ended <- received
		}
		go read(taskrun.WatchOptions{})
		<-begun
		visited := store.visited.Load()
		for range readers - 1 {
			go read(taskrun.WatchOptions{RunIDs: []string{run.ID}})
		}
		for range readers - 1 {
			<-begun
		}
		if n := store.followers.Load(); n != 1 {
			t.Errorf("%d follow the store, want one for all readers", n)
		}
		if n := store.visited.Load() - visited; n != 0 {
			t.Errorf("%d runs were visited for readers of one run", n)
		}
		mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Running})
		mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Completed})
		for range readers {
			if received := <-ended; received != 3 {
				t.Errorf("a reader received of %d changes, want 3", received)
			}
		}
		if n := store.followers.Load(); n != 0 {
			t.Errorf("%d follow the store although no reader is left", n)
		}
		for c, err := range oneByOne(service.Follow(t.Context(), taskrun.WatchOptions{})) { // in a new feed
			if err != nil || c.Run.ID != run.ID {
				t.Errorf("change of %v, error %v", c.Run, err)
			}
			break
		}
	})
}

// finishedRuns returns a service on a store with this number of runs that finished an hour ago.
func finishedRuns(t *testing.T, n int) (*usecase.Service, *countedStore, *testingclock.FakeClock) {
	t.Helper()
	clock := testingclock.NewFakeClock(start)
	store := &countedStore{Store: memory.New()}
	service := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock})
	for i := range n {
		run := mustCreate(t, service, newRun(strconv.Itoa(i)))
		mustSet(t, service, run.ID, taskrun.Proposal{Type: orchestration.Completed})
	}
	clock.Step(time.Hour)
	return service, store, clock
}

// The cost of a reader of all runs does not grow with the number of finished runs.
// Readers that subscribe within a short time share one read of the changed runs.
func TestFollow_readersShareOneReadOfFinishedRuns(t *testing.T) {
	t.Parallel()
	service, store, clock := finishedRuns(t, 300)
	since := clock.Now().Add(-time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const readers = 50
	received := make(chan string)
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for c, err := range oneByOne(service.Follow(ctx, taskrun.WatchOptions{Since: since})) {
				if err != nil {
					t.Error(err)
					return
				}
				received <- fmt.Sprint(c.Run.DynamicKey, " ", c.State.Name)
			}
		})
	}
	for store.reads.Load() == 0 {
		runtime.Gosched()
	}
	mustCreate(t, service, newRun("new"))
	for range readers {
		if got := <-received; got != "new Pending" {
			t.Errorf("a reader received %q, want of the new run only", got)
		}
	}
	if reads, visited := store.reads.Load(), store.visited.Load(); reads != 1 || visited > readers {
		t.Errorf("%d reads of changed runs returned %d runs, want one read with the new run at most", reads, visited)
	}
	cancel()
	all.Wait()
}

func TestFollow_readersShareOneEncoding(t *testing.T) {
	t.Parallel()
	service, _, clock := finishedRuns(t, 0)
	mustCreate(t, service, newRun("before"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var encoded atomic.Int64
	encode := func(c *taskrun.Change) []byte {
		encoded.Add(1)
		return []byte(c.Run.ID)
	}
	const readers = 20
	received := make(chan struct{})
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for c, err := range oneByOne(service.Follow(ctx, taskrun.WatchOptions{Since: clock.Now().Add(-time.Minute)})) {
				if err != nil {
					t.Error(err)
					return
				}
				if string(c.Encoded(encode)) != c.Run.ID {
					t.Errorf("a change of %s was encoded as that of another run", c.Run.ID)
				}
				received <- struct{}{}
			}
		})
	}
	for range readers {
		<-received
	}
	mustCreate(t, service, newRun("after"))
	for range readers {
		<-received
	}
	if n := encoded.Load(); n != 2 {
		t.Errorf("%d encodings of two changes for %d readers, want two", n, readers)
	}
	cancel()
	all.Wait()
}

func TestFollow_panicOfEncodingEndsOneReader(t *testing.T) {
	t.Parallel()
	c := &feed.SharedChange[*taskrun.Run]{}
	for range 2 {
		err := panics.Guard(func() error {
			c.Encoded(func(*taskrun.Change) []byte { panic("no") })
			return nil
		})
		if err == nil {
			t.Error("a change that cannot be encoded has an encoding")
		}
	}
}

// The memory of changes counts for all namespaces together: a reader that falls behind in one of
// them is ended. Without readers, nothing is counted.
func TestFollow_changesStayWithinByteBudget(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	budget := bytebudget.New(limit)
	services := make([]*usecase.Service, 3)
	streams := make([]func() (*feed.SharedChange[*taskrun.Run], error, bool), len(services))
	for i := range services {
		services[i] = usecase.New(usecase.Options{
			Namespace: strconv.Itoa(i), Store: memory.New(), Clock: testingclock.NewFakeClock(start), Buffers: budget,
		})
		mustCreate(t, services[i], newRun("first"))
		next, stop := iter.Pull2(oneByOne(services[i].Follow(t.Context(), taskrun.WatchOptions{})))
		defer stop()
		if c, err, _ := next(); err != nil || c.Run.DynamicKey != "first" {
			t.Fatalf("change %v, error %v, want the first run", c, err)
		}
		streams[i] = next
	}
	var tags []string
	for i := range 40 {
		tags = append(tags, strings.Repeat("x", 100)+strconv.Itoa(i))
	}
	for i := range 400 { // a few bytes in the other namespaces, far too many in one
		in := newRun(strconv.Itoa(i))
		in.Run.Tags = tags
		mustCreate(t, services[0], in)
		if i < 10 {
			mustCreate(t, services[1], newRun(strconv.Itoa(i)))
		}
		if n := budget.Bytes(); n > limit {
			t.Fatalf("%d bytes are kept, want at most %d", n, limit)
		}
	}
	if _, err, _ := streams[0](); !errors.Is(err, feed.ErrTooSlow) {
		t.Errorf("the reader who is behind the most: error %v, want %v", err, feed.ErrTooSlow)
	}
	for range 10 {
		c, err, _ := streams[1]()
		if err != nil {
			t.Fatalf("a reader in another namespace: %v", err)
		}
		c.Encoded(func(*taskrun.Change) []byte { return make([]byte, 200_000) }) // kept, too
	}
	if n := budget.Bytes(); n > limit {
		t.Errorf("%d bytes are kept with what was encoded, want at most %d", n, limit)
	}
}
