package delivery

import (
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// restart has the program come back: it knows what is stored, and no connection.
func (s *scene) restart() {
	s.t.Helper()
	s.queue = NewQueue(s.store, bubbleClock{})
	s.workers = NewWorkers(s.queue, s.service, bubbleClock{}, SingleReplica{})
	s.ends = append(s.ends, s.queue.Open())
}

func TestARunThatALivingWorkerNeverGotIsSentToItAgain(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		id := s.submit("a", 0)
		s.want("leased, but the program ends before it is sent", id, s.next(s.subscribe("w", "a")))
		s.restart()
		s.startReaper()
		other, w := s.subscribe("other", "a"), s.subscribe("w", "a")
		s.want("at once", "", s.next(w))
		s.want("when the worker had time to report", id, s.nextWithin(w, 12*time.Second))
		s.want("once more", "", s.nextWithin(w, time.Minute))
		s.want("for another worker", "", s.next(other))
		s.want("attempts", 1, s.run(id).Delivery.Attempts)
	})
}

func TestAWorkerThatWaitsIsWokenForWhatItNeverGot(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		id := s.submit("a", 0)
		s.next(s.subscribe("w", "a"))
		s.restart()
		s.startReaper()
		s.want("while it waits", id, s.nextWithin(s.subscribe("w", "a"), time.Minute))
	})
}

func TestWhatAWorkerHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		begun, retried, cancelled := s.submit("a", 0), s.submit("a", 0), s.submit("a", 0)
		before := s.subscribe("w", "a")
		for _, id := range []string{begun, retried, cancelled} {
			s.want("handed out", id, s.next(before))
		}
		s.restart()
		s.startReaper()
		s.set(begun, orchestration.Running)
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

// leased is a run that the worker w holds and has not begun.
func leased(id string, since time.Time) *taskrun.Run {
	run := waitingRun(id, "a", since)
	run.Delivery = &taskrun.Delivery{Holder: "w", Since: since, Attempts: 1}
	return run
}

// known is a store that knows one run.
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

// A replica learns of its own lease a moment after it sent the run.
func TestARunThatWasDeliveredJustNowIsNotDeliveredAgain(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	clock := &handClock{now: time.Unix(1_000_000, 0)}
	q := NewQueue(nil, clock)
	q.early = nil
	w := NewWorkers(q, nil, clock, SingleReplica{})
	c, err := w.Subscribe(t.Context(), []string{"a"}, "w")
	if err != nil {
		t.Fatal(err)
	}
	c.note("run")
	clock.now = clock.now.Add(grace)
	if found := w.forgotten(clock.now, grace); len(found) != 0 || len(c.sent) != 1 {
		t.Errorf("before the lease is known, %v are to be delivered again, and %v were delivered", found, c.sent)
	}
	q.take(nil, leased("run", clock.now))
	clock.now = clock.now.Add(time.Hour)
	if found := w.forgotten(clock.now, grace); len(found) != 0 {
		t.Errorf("while the worker holds it, %v are to be delivered again", found)
	}
	q.take(leased("run", clock.now), nil)
	if w.forgotten(clock.now, grace); len(c.sent) != 0 {
		t.Errorf("after its end, %v is still known as delivered", c.sent)
	}
}

func TestARunIsDeliveredAgainAfterTheGracePeriod(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	for name, tt := range map[string]struct {
		leased, connected time.Duration // before now
		want              int
	}{
		"the run and the worker are there for as long": {leased: grace, connected: grace, want: 1},
		"the lease is younger":                         {leased: grace - 1, connected: grace},
		"the connection is younger":                    {leased: grace, connected: grace - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1_000_000, 0)
			clock := &handClock{now: now.Add(-tt.connected)}
			run := leased("run", now.Add(-tt.leased))
			q := NewQueue(known{run: run}, clock)
			q.early = nil
			q.take(nil, run)
			w := NewWorkers(q, nil, clock, SingleReplica{})
			if _, err := w.Subscribe(t.Context(), []string{"a"}, "w"); err != nil {
				t.Fatal(err)
			}
			if got := w.sendAgain(now, grace); len(got) != tt.want {
				t.Errorf("%v are delivered again, want %d", got, tt.want)
			}
		})
	}
}
