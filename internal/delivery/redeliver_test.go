package delivery

import (
	"testing"
	"time"

	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// restart restarts the operator: the store remains, the connections end.
func (s *fixture) restart() {
	s.t.Helper()
	s.queue = NewQueue(s.store, clock.RealClock{})
	s.workers = NewWorkers(s.queue, s.service, clock.RealClock{}, SingleReplica{})
	s.cleanups = append(s.cleanups, s.queue.Open())
}

func TestReaper_redeliversRunThatConnectedWorkerNeverReceived(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		id := s.submit("a", 0)
		s.want("leased, but the operator ends before the run is sent", id, s.next(s.subscribe("w", "a")))
		s.restart()
		s.startReaper()
		other, w := s.subscribe("other", "a"), s.subscribe("w", "a")
		s.want("at once", "", s.next(w))
		s.want("after the grace period", id, s.nextWithin(w, 12*time.Second))
		s.want("once more", "", s.nextWithin(w, time.Minute))
		s.want("for another worker", "", s.next(other))
		s.want("attempts", 1, s.run(id).Delivery.Attempts)
	})
}

func TestReaper_wakesWaitingWorkerForRedelivery(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		id := s.submit("a", 0)
		s.next(s.subscribe("w", "a"))
		s.restart()
		s.startReaper()
		s.want("while it waits", id, s.nextWithin(s.subscribe("w", "a"), time.Minute))
	})
}

func TestReaper_doesNotRedeliverStartedRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		started, retried, cancelled := s.submit("a", 0), s.submit("a", 0), s.submit("a", 0)
		before := s.subscribe("w", "a")
		for _, id := range []string{started, retried, cancelled} {
			s.want("delivered", id, s.next(before))
		}
		s.restart()
		s.startReaper()
		s.set(started, orchestration.Running)
		s.set(cancelled, orchestration.Cancelled)
		pass(time.Millisecond)
		err := s.service.Record(s.t.Context(), []taskrun.Event{{RunID: retried, State: orchestration.State{
			ID: "0198a1b2-0000-7000-8000-0000000000bb", Type: orchestration.Scheduled, Name: "AwaitingRetry", Timestamp: time.Now(), Reported: true,
		}}}, func(_ taskrun.Event, err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		after := s.subscribe("w", "a")
		ahead := s.submit("a", 0)
		s.want("a new one", ahead, s.next(after)) // which the worker keeps waiting, as it does when it is busy
		s.want("again", "", s.nextWithin(after, time.Minute))
	})
}

// leased returns a run that the worker w holds and has not started.
func leased(id string, since time.Time) *taskrun.Run {
	run := waitingRun(id, "a", since)
	run.Delivery = &taskrun.Delivery{Holder: "w", Since: since, Attempts: 1}
	return run
}

// known is a store with one run.
type known struct {
	Runs
	run *taskrun.Run
}

func (k known) Known(id string) *taskrun.Run {
	if id == k.run.ID {
		return k.run
	}
	return nil
}

// The watch confirms the lease of a replica shortly after the delivery.
func TestUndelivered_excludesRunsWithUnconfirmedLease(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	clock := testingclock.NewFakeClock(time.Unix(1_000_000, 0))
	q := NewQueue(nil, clock)
	q.backlog = nil
	w := NewWorkers(q, nil, clock, SingleReplica{})
	c, err := w.Subscribe(t.Context(), []string{"a"}, "w")
	if err != nil {
		t.Fatal(err)
	}
	c.recordDelivery(leased("run", clock.Now()))
	clock.Step(grace)
	if found := w.undelivered(clock.Now(), grace); len(found) != 0 || len(c.delivered) != 1 {
		t.Errorf("before the lease is confirmed, undelivered: %v, delivered: %v; want one delivered", found, c.delivered)
	}
	q.onChange(nil, leased("run", clock.Now()))
	clock.Step(time.Hour)
	if found := w.undelivered(clock.Now(), grace); len(found) != 0 {
		t.Errorf("while the worker holds the run, undelivered: %v, want none", found)
	}
	q.onChange(leased("run", clock.Now()), nil)
	if w.undelivered(clock.Now(), grace); len(c.delivered) != 0 {
		t.Errorf("after the end of the run, delivered: %v, want none", c.delivered)
	}
}

func TestRedeliver_waitsForGracePeriodOfLeaseAndConnection(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	for name, tt := range map[string]struct {
		leased, connected time.Duration // before now
		want              int
	}{
		"both are as old as the grace period": {leased: grace, connected: grace, want: 1},
		"the lease is younger":                {leased: grace - 1, connected: grace},
		"the connection is younger":           {leased: grace, connected: grace - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1_000_000, 0)
			clock := testingclock.NewFakeClock(now.Add(-tt.connected))
			run := leased("run", now.Add(-tt.leased))
			q := NewQueue(known{run: run}, clock)
			q.backlog = nil
			q.onChange(nil, run)
			w := NewWorkers(q, nil, clock, SingleReplica{})
			if _, err := w.Subscribe(t.Context(), []string{"a"}, "w"); err != nil {
				t.Fatal(err)
			}
			if got := w.redeliver(now, grace); len(got) != tt.want {
				t.Errorf("redelivered: %v, want %d runs", got, tt.want)
			}
		})
	}
}
