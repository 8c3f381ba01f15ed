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

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// bubbleClock is the time within a synctest bubble.
type bubbleClock struct{}

func (bubbleClock) Now() time.Time { return time.Now() }

// told is what a replica told of what it did.
type told struct {
	mu     sync.Mutex
	losses []string
	sent   []string
}

// scene is a store with a replica over it. It plays in a bubble, where time
// passes only while everybody waits.
type scene struct {
	told

	t       *testing.T
	store   *memory.Store
	service *usecase.Service
	queue   *Queue
	workers *Workers
	made    int
	ends    []func()
	lost    []orchestration.StateType
	deaf    atomic.Bool // the other replicas' workers are not known

	leases    string              // namespace of this replica's Lease
	elsewhere map[string][]Worker // by the namespace of Leases; those that are missing cannot be read
	listed    string              // in the Lease of a replica that died

	read atomic.Pointer[time.Time] // when the Leases of other operators were read; nil: at every look
}

// Announce tells nobody: there is no other replica.
func (s *scene) Announce([]Worker) {}

// Others are none, if that is known.
func (s *scene) Others() ([]Worker, bool) { return nil, !s.deaf.Load() }

// LeaseNamespace is that of the other operator's, or none.
func (s *scene) LeaseNamespace() string { return s.leases }

// ConnectedIn are the workers of other operators.
func (s *scene) ConnectedIn(namespace string) ([]Worker, time.Time, bool) {
	if namespace == s.leases {
		workers, known := s.Others()
		return workers, time.Time{}, known
	}
	workers, known := s.elsewhere[namespace]
	read := time.Time{}
	if at := s.read.Load(); at != nil {
		read = *at
	}
	return workers, read, known
}

// Listed are those that were connected to a replica that died.
func (s *scene) Listed(worker string) bool { return worker == s.listed }

func play(t *testing.T, script func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, store: memory.New()}
		s.service = usecase.New(usecase.Options{Namespace: "default", Store: s.store, Clock: bubbleClock{}})
		s.queue = NewQueue(s.store, bubbleClock{})
		s.workers = NewWorkers(s.queue, s.service, bubbleClock{}, s)
		s.ends = append(s.ends, s.queue.Open())
		defer func() {
			if fault := recover(); fault != nil {
				panic(fault) // it may have left the queue locked, and an end would wait for it
			}
			for _, end := range s.ends {
				end()
			}
		}()
		s.workers.Metrics = s
		script(s)
	})
}

// RunAbandoned notes what became of runs.
func (s *scene) RunAbandoned(state orchestration.StateType) { s.lost = append(s.lost, state) }

// RunLost notes what was told of lost runs.
func (s *scene) RunLost(loss *usecase.Loss) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.losses = append(s.losses, fmt.Sprint(loss.Worker, " ", loss.Before, " ", loss.Run.State.Type, " ", loss.Moved))
}

// RunDelivered notes deliveries.
func (s *scene) RunDelivered(attempt int, waited time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, fmt.Sprint(attempt, " after ", waited.Round(time.Second)))
}

// startReaper looks after the workers until the test ends.
func (s *scene) startReaper() *Reaper {
	reaper := &Reaper{
		ReaperOptions: DefaultReaperOptions(), Queue: s.queue, Workers: s.workers, Leases: s.service,
		Clock: bubbleClock{}, Log: slog.New(slog.DiscardHandler), Metrics: s, Witness: s,
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reaper.Run(ctx)
	}()
	s.ends = append(s.ends, func() { cancel(); <-ended })
	return reaper
}

// submit makes a background run, due after a while.
func (s *scene) submit(key string, after time.Duration, edits ...func(*taskrun.Run)) string {
	s.t.Helper()
	s.made++
	at := time.Now().Add(after)
	in := taskrun.NewRun{
		Run: taskrun.Run{TaskKey: key, DynamicKey: strconv.Itoa(s.made)},
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
	pass(time.Millisecond) // the next one is younger
	return run.ID
}

func (s *scene) subscribe(id string, keys ...string) *Consumer {
	s.t.Helper()
	c, err := s.workers.Subscribe(s.t.Context(), keys, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// next wants a run for the consumer without waiting, "" for none.
func (s *scene) next(c *Consumer) string { return s.nextWithin(c, time.Microsecond) }

func (s *scene) nextWithin(c *Consumer, d time.Duration) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	run, err := c.Next(ctx)
	if err != nil {
		return ""
	}
	return run.ID
}

func (s *scene) set(id string, kind orchestration.StateType) {
	s.t.Helper()
	if _, err := s.service.SetState(s.t.Context(), id, taskrun.Proposal{Type: kind, Force: true}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) run(id string) *taskrun.Run {
	s.t.Helper()
	run, err := s.service.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

func (s *scene) want(what string, want, got any) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
