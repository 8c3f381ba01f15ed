package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

const (
	waitingRuns = 1000
	// statusWrite is the time that the write of a status takes.
	statusWrite = 5 * time.Millisecond
)

// waitFixture is a Reconciler with its queue and workers in a synctest bubble, and runs
// that were created over REST.
type waitFixture struct {
	*Reconciler
	tracker *usecase.WriteTracker
	queue   priorityqueue.PriorityQueue[reconcile.Request]
	byID    map[string]*taskrun.Run

	mu      sync.Mutex
	checks  map[string]int // by id
	written []string       // ids, in the order in which the writes began
	ages    []time.Duration
}

// newWaitFixture starts the workers, and creates the runs, one each millisecond.
func newWaitFixture(t *testing.T, workers int) *waitFixture {
	t.Helper()
	f := &waitFixture{
		tracker: usecase.NewWriteTracker(clock.RealClock{}), byID: map[string]*taskrun.Run{}, checks: map[string]int{},
		queue: priorityqueue.New[reconcile.Request](t.Name()),
	}
	b := newFixture(nil)
	f.Reconciler = b.Reconciler
	f.Clock, f.IdleFor, f.OnIdle, f.Concurrency = clock.RealClock{}, f.tracker.IdleFor, f.tracker.OnIdle, workers
	f.Runs = func(string) Runs { return waitRuns{&fakeRuns{}, f} }
	ctx, cancel := context.WithCancel(t.Context())
	if err := f.idleClients().Start(ctx, f.queue); err != nil {
		t.Fatal(err)
	}
	for i := range waitingRuns {
		name := fmt.Sprintf("run-%04d", i)
		o := newObject(name, types.UID("uid-"+name))
		o.Spec.ID = fmt.Sprintf("0198a1b2-0000-7000-8000-%012d", i)
		b.objects[name] = o
		f.byID[o.Spec.ID] = newRun(func(r *taskrun.Run) {
			r.ID, r.Created = o.Spec.ID, f.Clock.Now().Add(time.Duration(i)*time.Millisecond)
			r.StatusStale, r.CreatedViaREST, r.Ref.UID, r.Ref.Name = true, true, string(o.UID), name
		})
		request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: o.Namespace, Name: name}}
		addLowPriorityAfter(f.queue, f.StatusWriteDelay+time.Duration(i)*time.Millisecond, request)
	}
	for range workers {
		go f.work(ctx)
	}
	t.Cleanup(func() {
		cancel()
		f.queue.ShutDown()
		synctest.Wait()
	})
	return f
}

// work does what a worker of controller-runtime does.
func (f *waitFixture) work(ctx context.Context) {
	for {
		request, _, shutdown := f.queue.GetWithPriority()
		if shutdown {
			return
		}
		result, _ := f.Reconcile(ctx, request)
		if result.RequeueAfter > 0 {
			f.queue.AddWithOpts(priorityqueue.AddOpts{After: result.RequeueAfter, Priority: result.Priority}, request)
		}
		f.queue.Done(request)
	}
}

// waitRuns are the use cases.
type waitRuns struct {
	*fakeRuns

	f *waitFixture
}

func (w waitRuns) Get(_ context.Context, id string) (*taskrun.Run, error) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.f.checks[id]++
	run := *w.f.byID[id]
	return &run, nil
}

func (w waitRuns) PersistStatus(_ context.Context, id string) (*taskrun.Run, error) {
	w.f.mu.Lock()
	w.f.written = append(w.f.written, id)
	w.f.ages = append(w.f.ages, w.f.Clock.Now().Sub(w.f.byID[id].Created))
	w.f.mu.Unlock()
	pass(statusWrite)
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	run := *w.f.byID[id]
	run.StatusStale = false
	w.f.byID[id] = &run
	return &run, nil
}

// clientWrites makes writes of a client with short gaps for a time.
func (f *waitFixture) clientWrites(t *testing.T, d time.Duration) {
	t.Helper()
	store := f.tracker.Wrap(clientStore{})
	for end := f.Clock.Now().Add(d); f.Clock.Now().Before(end); pass(idleBeforeWrite / 4) {
		if err := store.Rename(t.Context(), runID, "name", end); err != nil {
			t.Fatal(err)
		}
	}
}

// clientStore is a store whose writes take as long as the gaps between them.
type clientStore struct{ taskrun.Store }

func (clientStore) Rename(context.Context, string, string, time.Time) error {
	pass(idleBeforeWrite / 4)
	return nil
}

// state returns the number of writes, the number of checks, and the highest number of
// checks of one run. It fails the test if one worker wrote in another order than that in
// which the runs were created.
func (f *waitFixture) state(t *testing.T) (written, total, checks int) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.checks {
		total, checks = total+n, max(checks, n)
	}
	if f.Concurrency == 1 && !slices.IsSorted(f.written) {
		t.Error("statuses written in another order than that in which the runs were created")
	}
	return len(f.written), total, checks
}

func TestIdleWaits_writesStatusesInOrderOnceClientsAreIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newWaitFixture(t, 1)
		f.clientWrites(t, 10*time.Second)
		if written, total, checks := f.state(t); written != 0 || total != waitingRuns || checks != 1 {
			t.Fatalf("%d statuses written and %d checks of %d runs while clients write, want one check each", written, total, waitingRuns)
		}
		pass(idleBeforeWrite - idleBeforeWrite/4 - 1)
		if written, _, _ := f.state(t); written != 0 {
			t.Fatalf("%d statuses written before clients are idle", written)
		}
		pass(waitingRuns * statusWrite)
		if written, _, checks := f.state(t); written != waitingRuns || checks != 2 {
			t.Errorf("%d statuses written after up to %d checks of a run, want %d and 2", written, checks, waitingRuns)
		}
		pass(f.MaxStatusWriteDelay)
		if _, _, checks := f.state(t); checks != 2 {
			t.Errorf("%d checks of a run after the maximum delay, want 2", checks)
		}
	})
}

func TestIdleWaits_stopsWhenAClientWritesAgain(t *testing.T) {
	t.Parallel()
	const gaps = 10
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("workers: %d", workers), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newWaitFixture(t, workers)
				f.clientWrites(t, 2*time.Second)
				before := 0
				for range gaps {
					pass(2*idleBeforeWrite - 1)
					written, _, _ := f.state(t)
					if written == before {
						t.Fatal("no status written while clients are idle")
					}
					f.clientWrites(t, 100*time.Millisecond)
					if before, _, _ = f.state(t); before > written+workers {
						t.Fatalf("%d statuses written while a client writes, want at most one of each of %d workers", before-written, workers)
					}
				}
				if _, total, _ := f.state(t); total > waitingRuns+before+gaps*workers {
					t.Errorf("%d checks of %d runs, of which %d were written in %d gaps", total, waitingRuns, before, gaps)
				}
			})
		})
	}
}

func TestIdleWaits_writesAtMaxStatusWriteDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newWaitFixture(t, 8)
		f.clientWrites(t, f.MaxStatusWriteDelay+2*time.Second)
		if written, total, _ := f.state(t); written != waitingRuns || total != 2*waitingRuns {
			t.Fatalf("%d statuses written after %d checks, want %d after two each", written, total, waitingRuns)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, age := range f.ages {
			if age < f.MaxStatusWriteDelay || age > f.MaxStatusWriteDelay+100*time.Millisecond {
				t.Errorf("the status of %s was written at the age of %v", f.written[i], age)
			}
		}
	})
}

// Clients become idle between the check of a run and the begin of its wait.
func TestIdleWaits_findsARunThatBeginsToWaitTooLate(t *testing.T) {
	t.Parallel()
	b := newFixture(newRun(func(r *taskrun.Run) { r.StatusStale, r.CreatedViaREST = true, true }), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Second))
	queue := &delayedQueue{}
	var idle func()
	b.OnIdle = func(_ time.Duration, f func()) func() { idle = f; return func() {} }
	if err := b.idleClients().Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	b.IdleFor = func() time.Duration {
		defer func() { b.idle = idleBeforeWrite; idle() }()
		return b.idle
	}
	if _, err := reconcileHello(t, b); err != nil {
		t.Fatal(err)
	}
	if want := (addition{name: "default/hello", priority: handler.LowPriority}); !slices.Equal(queue.added, []addition{want}) {
		t.Errorf("added %v, want %v", queue.added, want)
	}
	b.IdleFor = func() time.Duration { return b.idle }
	if _, err := reconcileHello(t, b); err != nil || !slices.Equal(b.runs.calls, []string{"PersistStatus"}) {
		t.Errorf("calls %v, error %v, want the status written", b.runs.calls, err)
	}
	if idle(); len(queue.added) != 1 {
		t.Errorf("added %v, want a run that has waited once", queue.added)
	}
}

// pass lets time pass in a bubble of synctest.
func pass(d time.Duration) { <-time.NewTimer(d).C }
