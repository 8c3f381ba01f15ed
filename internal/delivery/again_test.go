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
	s.workers = NewWorkers(s.queue, s.service, bubbleClock{}, Alone{})
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
