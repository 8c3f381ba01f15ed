package delivery

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// handClock shows the time that it is set to.
type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time { return c.now }

func waitingRun(id, key string, due time.Time) *taskrun.Run {
	return &taskrun.Run{
		ID: id, TaskKey: key, Created: due,
		Progress: orchestration.Progress{State: &orchestration.State{
			ID: id, Type: orchestration.Scheduled, Name: "Scheduled", Timestamp: due, Details: orchestration.StateDetails{ScheduledTime: &due},
		}},
	}
}

// The lines to come are those with runs that are not due, and the alarm is set to
// the first of these, whatever comes, goes and becomes due.
func TestTheAlarmIsSetToTheFirstRunThatIsNotDue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		clock := &handClock{now: time.Unix(1_000_000, 0)}
		q := NewQueue(nil, clock)
		q.early = nil
		due := map[string]time.Time{}
		for step := range 300 {
			id := strconv.Itoa(random.IntN(40))
			switch _, there := due[id]; {
			case there && random.IntN(2) == 0:
				delete(due, id)
				q.remove(id)
			case !there:
				due[id] = clock.now.Add(time.Duration(random.IntN(20)-5) * time.Second)
				q.add(waitingRun(id, "key"+strconv.Itoa(random.IntN(5)), due[id]))
			default:
				clock.now = clock.now.Add(time.Duration(random.IntN(3)) * time.Second)
			}
			if step%7 == 0 {
				q.Depth()
			}
			q.ring()
			checkComing(t, q, due, clock.now)
		}
		q.alarm.stop()
	}
}

func checkComing(t *testing.T, q *Queue, due map[string]time.Time, now time.Time) {
	t.Helper()
	var next time.Time
	for _, at := range due {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	lines := 0
	for _, l := range q.lines {
		if l.later.Len() > 0 {
			lines++
		}
	}
	if !q.alarm.at.Equal(next) || q.coming.Len() != lines || len(q.places) != len(due) {
		t.Fatalf("the alarm is set to %v and %d lines have runs to come of %d runs; want %v, %d, %d",
			q.alarm.at, q.coming.Len(), len(q.places), next, lines, len(due))
	}
}

// steppedClock is the time within a synctest bubble, moved by steps of the wall clock.
type steppedClock struct{ step atomic.Int64 }

func (c *steppedClock) Now() time.Time { return time.Now().Add(time.Duration(c.step.Load())) }

// A run that became due while the machine slept, or by a step of the clock, is
// noticed, however far away its time was before.
func TestARunIsNoticedAfterTheClockStepped(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"forward": time.Hour, "not at all": 0, "back": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := &steppedClock{}
				q := NewQueue(nil, clock)
				q.early = nil
				due := clock.Now().Add(time.Hour)
				q.add(waitingRun("run", "key", due))
				worker := &Consumer{keys: []string{"key"}}
				if id := q.claim(worker); id != "" {
					t.Fatal("a run was given before its time")
				}
				clock.step.Store(int64(step))
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

// BenchmarkAlarm rings while 100,000 runs are due at seconds of their own, one at a
// time: what it takes must not grow with how many there are.
func BenchmarkAlarm(b *testing.B) {
	for _, runs := range []int{1000, 100_000} {
		b.Run(strconv.Itoa(runs), func(b *testing.B) {
			clock := &handClock{now: time.Unix(1_000_000, 0)}
			q := NewQueue(nil, clock)
			q.early = nil
			defer func() { q.alarm.stop() }()
			start := clock.now
			for i := range runs {
				q.add(waitingRun(strconv.Itoa(i), "key", start.Add(time.Duration(i+1)*time.Hour)))
			}
			for i := 0; b.Loop(); i++ {
				clock.now = start.Add(time.Duration(i%runs) * time.Hour)
				q.ring()
			}
		})
	}
}
