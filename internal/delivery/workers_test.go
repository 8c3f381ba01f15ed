package delivery

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestReaper_workerThatReconnectsKeepsItsRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.startReaper()
		id := s.submit("a", 0)
		first := s.subscribe("w", "a")
		s.want("the run", id, s.next(first))
		s.set(id, orchestration.Running)
		for range 5 {
			first.Close()
			pass(8 * time.Second)
			first = s.subscribe("w", "a")
			pass(2 * time.Second)
		}
		s.want("state", orchestration.Running, s.run(id).State.Type)
	})
}

// A replica that cannot read the workers of other replicas takes no runs.
func TestReaper_takesNothingWhileOtherReplicasAreUnknown(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.outage.Store(true)
		s.startReaper()
		id := s.submit("a", 0)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("the first", id, s.next(first))
		first.Close()
		pass(time.Minute)
		s.want("the second", "", s.next(second))
		s.outage.Store(false)
		pass(9 * time.Second)
		s.want("the second within the grace period after the outage", "", s.next(second))
		pass(5 * time.Second)
		s.want("the second", id, s.next(second))
	})
}

func TestSubscribe_rejectsWorkersBeyondBudget(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		long := strings.Repeat("<", taskrun.MaxHolder-10)
		for i := range 1000 {
			_, err := s.workers.Subscribe(s.t.Context(), []string{"a"}, long+strconv.Itoa(i))
			if err == nil {
				continue
			}
			text, problem := EncodeWorkers(s.workers.connectedLocally())
			if !errors.Is(err, taskrun.ErrUnavailable) || problem != nil || i < 100 {
				t.Errorf("worker %d: %v, want ErrUnavailable after hundreds (%v)", i, err, problem)
			}
			if keys := i * len(`["a"]`); len(text)-keys > MaxWorkerBytes {
				t.Errorf("%d workers take %d bytes, want at most %d", i, len(text)-keys, MaxWorkerBytes)
			}
			return
		}
		t.Error("all workers are accepted")
	})
}

func TestReaper_crashesRunAfterMaxAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.startReaper()
		id := s.submit("a", 0)
		for i := range DefaultReaperOptions().MaxAttempts {
			c := s.subscribe(fmt.Sprint("w", i), "a")
			s.want("the run", id, s.next(c))
			c.Close()
			pass(15 * time.Second)
		}
		run := s.run(id)
		if run.State.Type != orchestration.Crashed || run.State.Message == nil {
			t.Errorf("the run is %+v", run.State)
		}
		synctest.Wait()
		s.want("abandoned runs", []orchestration.StateType{"", "", "", "", "CRASHED"}, s.abandoned)
	})
}
