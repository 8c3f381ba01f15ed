package delivery

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
)

func waitingRun(id, key string, due time.Time) *taskrun.Run {
	return &taskrun.Run{
		ID: id, TaskKey: key, Created: due,
		Progress: orchestration.Progress{State: &orchestration.State{
			ID: id, Type: orchestration.Scheduled, Name: "Scheduled", Timestamp: due, Details: orchestration.StateDetails{ScheduledTime: &due},
		}},
	}
}

// Queue.scheduled contains the task queues with runs that are not due, and the alarm
// is set to the first of these runs, in any order of additions and removals.
func TestQueue_alarmIsSetToFirstRunThatIsNotDue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		clock := testingclock.NewFakeClock(time.Unix(1_000_000, 0))
		q := NewQueue(nil, clock)
		q.backlog = nil
		due := map[string]time.Time{}
		for step := range 300 {
			id := strconv.Itoa(random.IntN(40))
			switch _, there := due[id]; {
			case there && random.IntN(2) == 0:
				delete(due, id)
				q.remove(id)
			case !there:
				due[id] = clock.Now().Add(time.Duration(random.IntN(20)-5) * time.Second)
				q.add(waitingRun(id, "key"+strconv.Itoa(random.IntN(5)), due[id]))
			default:
				clock.Step(time.Duration(random.IntN(3)) * time.Second)
			}
			if step%7 == 0 {
				q.Depth()
			}
			q.onAlarm()
			checkScheduled(t, q, due, clock.Now())
		}
		q.alarm.stop()
	}
}

func checkScheduled(t *testing.T, q *Queue, due map[string]time.Time, now time.Time) {
	t.Helper()
	var next time.Time
	for _, at := range due {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	queues := 0
	for _, tq := range q.queues {
		if tq.future.Len() > 0 {
			queues++
		}
	}
	if !q.alarm.at.Equal(next) || q.scheduled.Len() != queues || len(q.items) != len(due) {
		t.Fatalf("the alarm is set to %v, %d task queues are scheduled, %d runs are queued; want %v, %d, %d",
			q.alarm.at, q.scheduled.Len(), len(q.items), next, queues, len(due))
	}
}

// A run that becomes due while the machine sleeps, or by a step of the clock, is
// noticed within longestAlarm.
func TestQueue_noticesDueRunAfterClockStep(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"forward": time.Hour, "not at all": 0, "back": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := offsetclock.New(0)
				q := NewQueue(nil, clock)
				q.backlog = nil
				due := clock.Now().Add(time.Hour)
				q.add(waitingRun("run", "key", due))
				worker := &Consumer{keys: []string{"key"}}
				if id := q.claim(worker); id != "" {
					t.Fatal("a run was delivered before it was due")
				}
				clock.Step(step)
				time.Sleep(due.Sub(clock.Now()) + longestAlarm) //nolint:forbidigo // in a bubble it takes no time
				synctest.Wait()
				select {
				case <-worker.woken:
				default:
					t.Error("the worker was not woken when the run became due")
				}
			})
		})
	}
}

// BenchmarkAlarm measures an alarm while up to 100,000 runs are due at distinct
// times. The cost of an alarm must not grow with the number of runs.
func BenchmarkAlarm(b *testing.B) {
	for _, runs := range []int{1000, 100_000} {
		b.Run(strconv.Itoa(runs), func(b *testing.B) {
			clock := testingclock.NewFakeClock(time.Unix(1_000_000, 0))
			q := NewQueue(nil, clock)
			q.backlog = nil
			defer func() { q.alarm.stop() }()
			start := clock.Now()
			for i := range runs {
				q.add(waitingRun(strconv.Itoa(i), "key", start.Add(time.Duration(i+1)*time.Hour)))
			}
			for i := 0; b.Loop(); i++ {
				clock.SetTime(start.Add(time.Duration(i%runs) * time.Hour))
				q.onAlarm()
			}
		})
	}
}
