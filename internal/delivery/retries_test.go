package delivery

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// schedule sets a run to SCHEDULED for background execution.
func (s *fixture) schedule(id, name string, after time.Duration) {
	s.t.Helper()
	at := time.Now().Add(after)
	_, err := s.service.SetState(s.t.Context(), id, taskrun.Proposal{
		Type: orchestration.Scheduled, Name: &name, Force: true,
		Details: orchestration.StateDetails{Deferred: new(true), ScheduledTime: &at, TaskParametersID: "0198a1b2-0000-7000-8000-0000000000aa"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	pass(time.Millisecond)
}

func TestConsumer_deliversDueRetriesFirst(t *testing.T) {
	t.Parallel()
	const retry = orchestration.NameAwaitingRetry
	tests := map[string]func(s *fixture, c *Consumer) (want []string){
		"a run that awaits its retry": func(s *fixture, c *Consumer) []string {
			retried := s.submit("a", 0)
			s.next(c)
			s.set(retried, orchestration.Running)
			submitted := s.submit("a", 0)
			s.schedule(retried, retry, time.Second)
			pass(time.Minute)
			return []string{retried, submitted}
		},
		"not before it is due": func(s *fixture, _ *Consumer) []string {
			retried, submitted := s.submit("a", 0), s.submit("a", 0)
			s.schedule(retried, retry, time.Hour)
			return []string{submitted, ""}
		},
		"before one that is due for longer": func(s *fixture, _ *Consumer) []string {
			submitted, retried := s.submit("a", 0), s.submit("a", 0)
			pass(time.Hour)
			s.schedule(retried, retry, 0)
			return []string{retried, submitted}
		},
		"the one that is due first": func(s *fixture, _ *Consumer) []string {
			second, first, submitted := s.submit("a", 0), s.submit("a", 0), s.submit("a", 0)
			s.schedule(second, retry, 2*time.Second)
			s.schedule(first, retry, time.Second)
			pass(time.Minute)
			return []string{first, second, submitted}
		},
		"a run that its worker did not acknowledge": func(s *fixture, c *Consumer) []string {
			late, returned := s.submit("a", 2*time.Second), s.submit("a", time.Second)
			pass(time.Minute)
			s.want("delivered", returned, s.next(c))
			earlier := s.submit("a", -time.Hour)
			c.Nack(s.t.Context(), s.run(returned))
			return []string{returned, earlier, late}
		},
		"not before a run that was submitted again": func(s *fixture, c *Consumer) []string {
			again := s.submit("a", 0)
			s.want("delivered", again, s.next(c))
			s.set(again, orchestration.Completed)
			submitted := s.submit("a", 0)
			s.schedule(again, "Scheduled", 0)
			return []string{submitted, again}
		},
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				want := script(s, s.subscribe("w", "a"))
				got, other := []string{}, s.subscribe("other", "a")
				for range want {
					got = append(got, s.next(other))
				}
				s.want("order", want, got)
			})
		})
	}
}

// A task queue returns the same results as a scan of a list.
func TestTaskQueue_agreesWithScanOfList(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		start := time.Unix(1_000_000, 0)
		tq, list := &taskQueue{}, []*item{}
		for step := range 200 {
			now := start.Add(time.Duration(random.IntN(10)) * time.Second)
			if first := tq.head(now); len(list) > 0 && random.IntN(3) == 0 {
				if want := firstOf(list, now); first != want {
					t.Fatalf("seed %d, step %d: first is %v, want %v", seed, step, first, want)
				}
				it := list[random.IntN(len(list))]
				tq.remove(it)
				list = slices.DeleteFunc(list, func(other *item) bool { return other == it })
			} else {
				it := &item{id: strconv.Itoa(step), retry: random.IntN(2) == 0, due: start.Add(time.Duration(random.IntN(10)) * time.Second)}
				tq.add(it)
				list = append(list, it)
			}
			compareCounts(t, tq, list, now)
		}
	}
}

// firstOf returns the first due run.
func firstOf(list []*item, now time.Time) *item {
	due := slices.DeleteFunc(slices.Clone(list), func(it *item) bool { return it.due.After(now) })
	if len(due) == 0 {
		return nil
	}
	return slices.MinFunc(due, func(a, b *item) int {
		if a.retry != b.retry {
			return map[bool]int{true: -1, false: 1}[a.retry]
		}
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.id, b.id))
	})
}

func compareCounts(t *testing.T, tq *taskQueue, list []*item, now time.Time) {
	t.Helper()
	due := 0
	var next, earliest time.Time
	for _, it := range list {
		if earliest.IsZero() || it.due.Before(earliest) {
			earliest = it.due
		}
		if !it.due.After(now) {
			due++
		} else if next.IsZero() || it.due.Before(next) {
			next = it.due
		}
	}
	at, ok := tq.nextDue()
	if tq.Len() != len(list) || tq.due(now, len(list)) != due || tq.due(now, 3) != min(3, due) || !at.Equal(next) || ok == next.IsZero() {
		t.Fatalf("%d wait, %d are due, the next at %v (%t); want %d, %d, %v", tq.Len(), tq.due(now, len(list)), at, ok, len(list), due, next)
	}
	if tq.Len() > 0 && !tq.earliest().Equal(earliest) {
		t.Fatalf("the earliest is due at %v, want %v", tq.earliest(), earliest)
	}
}
