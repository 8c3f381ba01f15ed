package delivery

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// inBubbleReserving is inBubble with a service that creates runs for idle workers.
func inBubbleReserving(t *testing.T, test func(*fixture)) {
	t.Helper()
	inBubble(t, func(s *fixture) {
		s.service.ReadyWorkers = s.workers
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
		"no worker is idle":              func(s *fixture) { s.subscribe("w", "a") },
		"the worker serves another task": func(s *fixture) { s.waiter("w", "b") },
		"this replica has no Lease":      func(s *fixture) { s.leases = taskrun.NoLease; s.waiter("w", "a") },
		"many creates are in progress for it": func(s *fixture) {
			s.waiter("w", "a")
			for range maxReserved {
				s.workers.Reserve("a")
			}
		},
		"the idle worker has disconnected": func(s *fixture) {
			s.waiter("w", "a").stop()
			synctest.Wait()
		},
		"the queue is not open": func(s *fixture) { s.waiter("w", "a"); s.queue.backlog = []change{} },
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

// Without that, a burst of runs without a worker would keep the following ones from
// getting one.
func TestReserve_findsAWorkerThatWasJustSentARun(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		busy := s.subscribe("busy", "a")
		s.submit("a", 0)
		s.next(busy)
		r := s.workers.Reserve("a")
		s.want("while the worker may accept it", taskrun.Hold{Worker: "busy"}, r.Hold())
		s.waiter("idle", "a")
		s.want("with an idle worker", taskrun.Hold{Worker: "idle"}, s.workers.Reserve("a").Hold())
	})
}

func TestReserve_findsNoWorkerThatHasReachedItsLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		c := s.subscribe("w", "a")
		s.submit("a", 0)
		s.next(c)
		pass(acceptWithin)
		if r := s.workers.Reserve("a"); r != nil {
			s.t.Errorf("reserved %v, want none", r.Hold())
		}
	})
}

// The alarm of a run that becomes due runs in its own goroutine.
func TestReserve_dueRunsGoFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		clock := testingclock.NewFakeClock(time.Now())
		s.queue.clock = clock
		s.submit("a", time.Minute)
		s.waiter("w", "a")
		clock.Step(time.Hour)
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

// The workers take turns, and each gets its runs in the order in which the creates end.
func TestReserve_spreadsCreatesOverReadyWorkers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.waiter("v", "a")
		w := s.waiter("w", "a")
		var holders []string
		var reservations []usecase.Reservation
		for range 4 {
			r := s.workers.Reserve("a")
			holders, reservations = append(holders, r.Hold().Worker), append(reservations, r)
		}
		s.want("holders", []string{"v", "w", "v", "w"}, holders)
		first, second := s.createFor(taskrun.Hold{Worker: "w"}, "1"), s.createFor(taskrun.Hold{Worker: "w"}, "2")
		reservations[3].Deliver(s.t.Context(), second)
		reservations[1].Deliver(s.t.Context(), first)
		s.want("delivered", []string{second.ID, first.ID}, []string{(<-w.got).ID, s.next(w.Consumer)})
	})
}

// A worker for which a run is being created is idle, and takes other runs.
func TestReservation_workerTakesOtherRunsDuringTheCreate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		w := s.waiter("w", "a", "b")
		r := s.workers.Reserve("a")
		other, run := s.submit("b", 0), s.createFor(r.Hold(), "1")
		s.want("during the create", other, (<-w.got).ID)
		r.Deliver(s.t.Context(), run)
		r.Deliver(s.t.Context(), run)
		s.want("after it", []string{run.ID, ""}, []string{s.next(w.Consumer), s.next(w.Consumer)})
	})
}

// Such a worker has reached its limit.
func TestReservation_runsGoToAnotherWorkerWhenTheWorkerDoesNotAcceptTheOneBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		w := s.waiter("w", "a")
		reservations := []usecase.Reservation{s.workers.Reserve("a"), s.workers.Reserve("a"), s.workers.Reserve("a")}
		var ids []string
		for i, r := range reservations[:2] {
			run := s.createFor(r.Hold(), strconv.Itoa(i))
			ids = append(ids, run.ID)
			r.Deliver(s.t.Context(), run)
		}
		s.want("delivered", ids[0], (<-w.got).ID)
		pass(acceptWithin - time.Millisecond)
		s.want("holder in time", "w", s.run(ids[1]).Holder())
		pass(2 * time.Millisecond)
		s.want("holder after it", "", s.run(ids[1]).Holder())
		late := s.createFor(taskrun.Hold{Worker: "w"}, "late")
		reservations[2].Deliver(s.t.Context(), late)
		pass(2 * acceptWithin)
		s.want("holder of a run whose create ended later", "", s.run(late.ID).Holder())
		other := s.subscribe("other", "a")
		s.want("other worker", []string{ids[1], late.ID}, []string{s.next(other), s.next(other)})
	})
}

func TestReservation_runsStayWithAWorkerThatAcceptsTheOneBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		w := s.waiter("w", "a")
		var want []string
		reservations := []usecase.Reservation{s.workers.Reserve("a"), s.workers.Reserve("a"), s.workers.Reserve("a"), s.workers.Reserve("a")}
		for i, r := range reservations {
			run := s.createFor(r.Hold(), strconv.Itoa(i))
			want = append(want, run.ID)
			r.Deliver(s.t.Context(), run)
		}
		got := []string{(<-w.got).ID}
		for range 3 {
			pass(acceptWithin * 3 / 4)
			got = append(got, s.next(w.Consumer))
		}
		s.want("delivered", want, got)
	})
}

func TestReservation_runsOfAWorkerThatLeftGoToAnother(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		leaving := s.waiter("leaving", "a")
		before, after := s.workers.Reserve("a"), s.workers.Reserve("a")
		leaving.stop()
		synctest.Wait()
		assigned, late := s.createFor(before.Hold(), "1"), s.createFor(after.Hold(), "2")
		before.Deliver(s.t.Context(), assigned)
		leaving.Close()
		after.Deliver(s.t.Context(), late)
		for _, run := range []*taskrun.Run{assigned, late} {
			want := &taskrun.Delivery{PreviousHolder: "leaving", Since: run.Created, Attempts: 1}
			s.want("delivery", want, s.run(run.ID).Delivery)
		}
		other := s.subscribe("other", "a")
		s.want("delivered", []string{assigned.ID, late.ID}, []string{s.next(other), s.next(other)})
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

// slowAnswers is a store whose client leaves after the write of a create, before the store
// returns.
type slowAnswers struct {
	taskrun.Store
	leave    context.CancelFunc
	deadline time.Time // of the create
}

func (a *slowAnswers) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	a.deadline, _ = ctx.Deadline()
	created, err := a.Store.Create(ctx, run)
	a.leave()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return created, err
}

func TestReservation_runIsSentAlthoughItsClientLeavesDuringTheCreate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		ctx, leave := context.WithTimeout(s.t.Context(), time.Minute)
		limit, _ := ctx.Deadline()
		store := &slowAnswers{Store: s.store, leave: leave}
		service := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock.RealClock{}, ReadyWorkers: s.workers})
		w := s.waiter("w", "a")
		run, created, err := service.Create(ctx, submission("a", "1"))
		if err != nil || !created {
			s.t.Fatalf("created %v, error %v, want a new run", created, err)
		}
		synctest.Wait()
		select {
		case got := <-w.got:
			s.want("delivered at once", run.ID, got.ID)
		default:
			s.t.Error("the run was not delivered at once")
		}
		s.want("time limit of the create", limit, store.deadline)
	})
}

// A create without a worker ends with its client.
func TestCreate_endsWithItsClientIfNoWorkerIsReady(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		ctx, leave := context.WithCancel(s.t.Context())
		service := usecase.New(usecase.Options{
			Namespace: "default", Store: &slowAnswers{Store: s.store, leave: leave}, Clock: clock.RealClock{}, ReadyWorkers: s.workers,
		})
		if _, _, err := service.Create(ctx, submission("a", "1")); !errors.Is(err, context.Canceled) {
			s.t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
}

// brokenReleases panics when a run is released.
type brokenReleases struct{ Leases }

func (brokenReleases) Release(context.Context, string, string) error { panic("release") }

func TestReservation_panicOfAReleaseLeavesTheRunToItsWorker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.workers.leases = brokenReleases{s.service}
		s.startReaper()
		w := s.waiter("w", "a")
		pass(time.Minute) // the worker has been connected for the grace period
		var ids []string
		for i, r := range []usecase.Reservation{s.workers.Reserve("a"), s.workers.Reserve("a")} {
			run := s.createFor(r.Hold(), strconv.Itoa(i))
			ids = append(ids, run.ID)
			r.Deliver(s.t.Context(), run)
		}
		s.want("delivered", ids[0], (<-w.got).ID)
		before := panics.Count()
		pass(acceptWithin + time.Millisecond)
		if panics.Count() == before {
			s.t.Error("no panic of a release was counted")
		}
		s.want("at once", "", s.next(w.Consumer))
		s.want("after the grace period", ids[1], s.nextWithin(w.Consumer, 12*time.Second))
	})
}

// The operator ends between the create and the frame.
func TestReservation_runThatWasNotSentIsRedeliveredToItsWorker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		run := s.createFor(taskrun.Hold{Worker: "w"}, "1")
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
		s.createFor(taskrun.Hold{Worker: "w"}, "1")
		s.startReaper()
		s.want("delivered", "", s.nextWithin(s.subscribe("w", "b"), time.Minute))
	})
}

func TestReaper_redeliversThroughTheConnectionThatServesTheTask(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		run := s.createFor(taskrun.Hold{Worker: "w"}, "1")
		serving, latest := s.subscribe("w", "a"), s.subscribe("w", "b")
		s.startReaper()
		s.want("by the other connection", "", s.nextWithin(latest, time.Minute))
		s.want("delivered", run.ID, s.next(serving))
	})
}

// createFor stores a run of task a that was created for a worker.
func (s *fixture) createFor(to taskrun.Hold, dynamicKey string) *taskrun.Run {
	s.t.Helper()
	created := usecase.New(usecase.Options{Namespace: "default", Store: s.store, Clock: clock.RealClock{}, ReadyWorkers: only{to}})
	run, _, err := created.Create(s.t.Context(), submission("a", dynamicKey))
	if err != nil {
		s.t.Fatal(err)
	}
	s.want("holder", to.Worker, run.Holder())
	pass(time.Microsecond) // the next run has a later creation time
	return s.run(run.ID)
}

// only returns idle workers, one of which is reserved and gets no run.
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

func TestReserve_findsAWorkerAgainAfterCancelledReservations(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.waiter("w", "a")
		for range 2 * maxReserved {
			r := s.workers.Reserve("a")
			if r == nil {
				s.t.Fatal("no worker is found")
			}
			r.Cancel()
		}
	})
}

func TestReserve_countsRunsThatTheWorkerHasNotTaken(t *testing.T) {
	t.Parallel()
	inBubbleReserving(t, func(s *fixture) {
		busy := s.subscribe("busy", "a")
		s.submit("a", 0)
		s.next(busy)
		for range maxReserved / 2 {
			s.submit("a", 0) // for the worker, which does not ask for it yet
		}
		for range maxReserved - maxReserved/2 {
			if s.workers.Reserve("a") == nil {
				s.t.Fatal("no worker is found below the limit")
			}
		}
		if r := s.workers.Reserve("a"); r != nil {
			s.t.Errorf("reserved %v above the limit", r.Hold())
		}
	})
}
