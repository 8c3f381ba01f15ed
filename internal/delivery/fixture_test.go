package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// recorded holds what a replica reported to its recorders.
type recorded struct {
	mu         sync.Mutex
	losses     []string
	deliveries []string
}

// fixture is a store with one replica. It runs in a synctest bubble, where time
// passes only while all goroutines wait.
type fixture struct {
	recorded

	t         *testing.T
	store     *memory.Store
	service   *usecase.Service
	queue     *Queue
	workers   *Workers
	created   int
	cleanups  []func()
	abandoned []orchestration.StateType
	outage    atomic.Bool // the workers of other replicas are not known

	leases      string              // namespace of this replica's Lease
	otherLeases map[string][]Worker // by the namespace of Leases; other namespaces cannot be read
	listed      string              // worker in the Lease of a replica that has ended

	read atomic.Pointer[time.Time] // time of the read of other operators' Leases; nil: each check reads
}

// Announce does nothing.
func (s *fixture) Announce([]Worker) {}

// Others returns no workers.
func (s *fixture) Others() ([]Worker, bool) { return nil, !s.outage.Load() }

// LeaseNamespace returns the namespace of this replica's Lease.
func (s *fixture) LeaseNamespace() string { return s.leases }

// ConnectedIn returns the workers of other operators.
func (s *fixture) ConnectedIn(namespace string) ([]Worker, time.Time, bool) {
	if namespace == s.leases {
		workers, known := s.Others()
		return workers, time.Time{}, known
	}
	workers, known := s.otherLeases[namespace]
	read := time.Time{}
	if at := s.read.Load(); at != nil {
		read = *at
	}
	return workers, read, known
}

// Listed reports whether an ended replica had the worker.
func (s *fixture) Listed(worker string) bool { return worker == s.listed }

func inBubble(t *testing.T, test func(*fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &fixture{t: t, store: memory.New()}
		s.service = usecase.New(usecase.Options{Namespace: "default", Store: s.store, Clock: clock.RealClock{}})
		s.queue = NewQueue(s.store, clock.RealClock{})
		s.workers = NewWorkers(s.queue, s.service, clock.RealClock{}, s)
		s.cleanups = append(s.cleanups, s.queue.Open())
		defer func() {
			if value := recover(); value != nil {
				panic(value) // the queue may be locked, and a cleanup would block
			}
			for _, end := range s.cleanups {
				end()
			}
		}()
		s.workers.Metrics = s
		test(s)
	})
}

// RunAbandoned implements Metrics.
func (s *fixture) RunAbandoned(state orchestration.StateType) {
	s.abandoned = append(s.abandoned, state)
}

// RunLost implements LossRecorder.
func (s *fixture) RunLost(loss *usecase.Loss) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.losses = append(s.losses, fmt.Sprint(loss.Worker, " ", loss.Before, " ", loss.Run.State.Type, " ", loss.Moved))
}

// RunDelivered implements Metrics.
func (s *fixture) RunDelivered(attempt int, waited time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = append(s.deliveries, fmt.Sprint(attempt, " after ", waited.Round(time.Second)))
}

// startReaper runs a reaper until the test ends.
func (s *fixture) startReaper() *Reaper {
	reaper := &Reaper{
		ReaperOptions: DefaultReaperOptions(), Queue: s.queue, Workers: s.workers, Leases: s.service,
		Clock: clock.RealClock{}, Log: slog.New(slog.DiscardHandler), Metrics: s, LossRecorder: s,
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reaper.Run(ctx)
	}()
	s.cleanups = append(s.cleanups, func() { cancel(); <-ended })
	return reaper
}

// submit creates a background run, due after a duration.
func (s *fixture) submit(key string, after time.Duration, edits ...func(*taskrun.Run)) string {
	s.t.Helper()
	s.created++
	at := time.Now().Add(after)
	in := taskrun.NewRun{
		Run: taskrun.Run{TaskKey: key, DynamicKey: strconv.Itoa(s.created)},
		State: &taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{
			Deferred: new(true), ScheduledTime: &at, TaskParametersID: "0198a1b2-0000-7000-8000-0000000000aa",
		}},
	}
	for _, edit := range edits {
		edit(&in.Run)
	}
	run, _, err := s.service.Create(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	pass(time.Millisecond) // the next run has a later creation time
	return run.ID
}

func (s *fixture) subscribe(id string, keys ...string) *Consumer {
	s.t.Helper()
	c, err := s.workers.Subscribe(s.t.Context(), keys, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// next returns the next run of the consumer without waiting, "" for none.
func (s *fixture) next(c *Consumer) string { return s.nextWithin(c, time.Microsecond) }

func (s *fixture) nextWithin(c *Consumer, d time.Duration) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	run, err := c.Next(ctx)
	if err != nil {
		return ""
	}
	return run.ID
}

func (s *fixture) set(id string, kind orchestration.StateType) {
	s.t.Helper()
	if _, err := s.service.SetState(s.t.Context(), id, taskrun.Proposal{Type: kind, Force: true}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *fixture) run(id string) *taskrun.Run {
	s.t.Helper()
	run, err := s.service.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

func (s *fixture) want(what string, want, got any) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
