package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// inBubbleReserving is inBubble with a service that creates runs for idle workers.
func inBubbleReserving(t *testing.T, test func(*fixture)) {
	t.Helper()
	inBubble(t, func(s *fixture) {
		s.service.IdleWorkers = s.workers
		test(s)
	})
}

// waiter calls Next of a consumer in a goroutine.
type waiter struct {
	*Consumer
	got  chan *taskrun.Run // closed when Next returned an error
	stop context.CancelFunc
}

func (s *fixture) waiter(id string, keys ...string) *waiter {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	w := &waiter{Consumer: s.subscribe(id, keys...), got: make(chan *taskrun.Run), stop: cancel}
	s.cleanups = append(s.cleanups, cancel)
	go func() {
		defer close(w.got)
		if run, err := w.Next(ctx); err == nil {
			w.got <- run
		}
	}()
	synctest.Wait()
	return w
}

func hold(worker string) taskrun.Hold { return taskrun.Hold{Worker: worker} }

func TestReserve_newRunIsCreatedForTheWorkerThatWaitedLongest(t *testing.T) {
	t.Parallel()
	inBubbleReserving(t, func(s *fixture) {
		writes := 0
		_, stop := s.store.Follow(func(_, _ *taskrun.Run) { writes++ })
		defer stop()
		first, second := s.waiter("first", "a", "b"), s.waiter("second", "a")
		id := s.submit("a", 0)
		got := <-first.got
		s.want("delivered", id, got.ID)
		s.want("writes", 1, writes)
		s.want("delivery", &taskrun.Delivery{Holder: "first", Since: got.Created, Attempts: 1}, s.run(id).Delivery)
		s.want("next", s.submit("a", 0), (<-second.got).ID)
		s.want("recorded", []string{"1 after 0s", "1 after 0s"}, s.deliveries)
	})
}

func TestReserve_findsNoWorker(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*fixture){
		"when none is idle":                func(s *fixture) { s.subscribe("w", "a") },
		"when it serves another task":      func(s *fixture) { s.waiter("w", "b") },
		"when this replica has no Lease":   func(s *fixture) { s.leases = taskrun.NoLease; s.waiter("w", "a") },
		"when the idle worker is reserved": func(s *fixture) { s.waiter("w", "a"); s.workers.Reserve("a") },
		"when the idle worker has left": func(s *fixture) {
			s.waiter("w", "a").stop()
			synctest.Wait()
		},
		"before the queue is open": func(s *fixture) { s.waiter("w", "a"); s.queue.backlog = []change{} },
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				prepare(s)
				if r := s.workers.Reserve("a"); r != nil {
					s.t.Errorf("reserved %v, want none", r.Hold())
				}
			})
		})
	}
}

// The alarm of a run that becomes due runs in a goroutine of its own.
func TestReserve_dueRunsGoFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		clock := &fakeClock{now: time.Now()}
		s.queue.clock = clock
		s.submit("a", time.Minute)
		s.waiter("w", "a")
		clock.now = clock.now.Add(time.Hour)
		if r := s.workers.Reserve("a"); r != nil {
			s.t.Error("reserved a worker although a run is due")
		}
	})
}

func TestReserve_runThatIsNotDueIsCreatedForNoWorker(t *testing.T) {
	t.Parallel()
	inBubbleReserving(t, func(s *fixture) {
		w := s.waiter("w", "a")
		id := s.submit("a", time.Second)
		s.want("delivery", (*taskrun.Delivery)(nil), s.run(id).Delivery)
		s.want("delivered when it is due", id, (<-w.got).ID)
	})
}

func TestReservation_isGivenBackWhenTheCreateFails(t *testing.T) {
	t.Parallel()
	inBubbleReserving(t, func(s *fixture) {
		w := s.waiter("w", "a")
		s.store.Break(taskrun.ErrUnavailable)
		_, _, err := s.service.Create(s.t.Context(), submission("a", "lost"))
		if !errors.Is(err, taskrun.ErrUnavailable) {
			s.t.Fatal(err)
		}
		s.store.Break(nil)
		synctest.Wait()
		s.want("the next run", s.submit("a", 0), (<-w.got).ID)
	})
}

func TestReservation_isGivenBackWhenTheRunExists(t *testing.T) {
	t.Parallel()
	inBubbleReserving(t, func(s *fixture) {
		existing, _, err := s.service.Create(s.t.Context(), submission("b", "one"))
		if err != nil {
			s.t.Fatal(err)
		}
		w := s.waiter("w", "a")
		taken := submission("a", "two")
		taken.Run.ID = existing.ID
		if _, _, err := s.service.Create(s.t.Context(), taken); !errors.Is(err, taskrun.ErrIDTaken) {
			s.t.Fatalf("error %v, want ErrIDTaken", err)
		}
		synctest.Wait()
		s.want("the next run", s.submit("a", 0), (<-w.got).ID)
	})
}

// A consumer gets no run of its other tasks while it is reserved.
func TestReservation_consumerTakesQueuedRunsWhenItIsGivenBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		w := s.waiter("w", "a", "b")
		r := s.workers.Reserve("a")
		id := s.submit("b", 0)
		synctest.Wait()
		s.want("holder while it is reserved", "", s.run(id).Holder())
		r.Cancel()
		r.Cancel()
		s.want("delivered", id, (<-w.got).ID)
	})
}

func TestReservation_runOfAWorkerThatLeftGoesToAnother(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		leaving := s.waiter("leaving", "a")
		r := s.workers.Reserve("a")
		leaving.stop()
		synctest.Wait()
		run := s.createFor(r.Hold())
		r.Deliver(s.t.Context(), run)
		s.want("delivery", &taskrun.Delivery{PreviousHolder: "leaving", Since: run.Created, Attempts: 1}, s.run(run.ID).Delivery)
		s.want("delivered", run.ID, s.next(s.subscribe("other", "a")))
	})
}

// The context of the worker ends after the run was given to it.
func TestReservation_assignedRunIsReturnedAfterTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		c := s.subscribe("w", "a")
		s.queue.claim(c)
		r := s.workers.Reserve("a")
		run := s.createFor(r.Hold())
		r.Deliver(s.t.Context(), run)
		ended, cancel := context.WithCancel(s.t.Context())
		cancel()
		for range 20 { // select takes either
			got, err := c.wait(ended)
			if err != nil || got == nil {
				s.t.Fatalf("wait() = %v, %v, want the run", got, err)
			}
			c.assigned = run
		}
	})
}

func TestReservation_workerThatIsLostGivesItsRunBack(t *testing.T) {
	t.Parallel()
	inBubbleReserving(t, func(s *fixture) {
		w := s.waiter("w", "a")
		id := s.submit("a", 0)
		s.want("delivered", id, (<-w.got).ID)
		w.Close()
		s.startReaper()
		s.want("delivered again", id, s.nextWithin(s.subscribe("other", "a"), 12*time.Second))
		s.want("losses", []string{"w SCHEDULED SCHEDULED false"}, s.losses)
		s.want("attempts", 2, s.run(id).Delivery.Attempts)
	})
}

// The operator ends between the create and the frame.
func TestReservation_runThatWasNotSentIsRedeliveredToItsWorker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		run := s.createFor(hold("w"))
		s.startReaper()
		other, w := s.subscribe("other", "a"), s.subscribe("w", "a")
		s.want("at once", "", s.next(w))
		s.want("after the grace period", run.ID, s.nextWithin(w, 12*time.Second))
		s.want("for another worker", "", s.next(other))
	})
}

// A user can name any connected worker when a run is created.
func TestReaper_doesNotSendARunToAWorkerThatDoesNotServeItsTask(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.createFor(hold("w"))
		s.startReaper()
		s.want("delivered", "", s.nextWithin(s.subscribe("w", "b"), time.Minute))
	})
}

func TestReaper_redeliversThroughTheConnectionThatServesTheTask(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		run := s.createFor(hold("w"))
		serving, latest := s.subscribe("w", "a"), s.subscribe("w", "b")
		s.startReaper()
		s.want("by the other connection", "", s.nextWithin(latest, time.Minute))
		s.want("delivered", run.ID, s.next(serving))
	})
}

// createFor stores a run of task a that was created for a worker.
func (s *fixture) createFor(to taskrun.Hold) *taskrun.Run {
	s.t.Helper()
	created := usecase.New(usecase.Options{Namespace: "default", Store: s.store, Clock: bubbleClock{}, IdleWorkers: only{to}})
	run, _, err := created.Create(s.t.Context(), submission("a", "for "+to.Worker))
	if err != nil {
		s.t.Fatal(err)
	}
	s.want("holder", to.Worker, run.Holder())
	return s.run(run.ID)
}

// only are idle workers of which one is reserved and gets no run.
type only struct{ to taskrun.Hold }

func (o only) Reserve(string) usecase.Reservation        { return o }
func (o only) Hold() taskrun.Hold                        { return o.to }
func (o only) Deliver(_ context.Context, _ *taskrun.Run) {}
func (o only) Cancel()                                   {}

func submission(taskKey, dynamicKey string) taskrun.NewRun {
	return taskrun.NewRun{
		Run: taskrun.Run{TaskKey: taskKey, DynamicKey: dynamicKey},
		State: &taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{
			Deferred: new(true), TaskParametersID: "0198a1b2-0000-7000-8000-0000000000aa",
		}},
	}
}
