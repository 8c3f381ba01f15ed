package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestConsumer_deliversRunsInOrderOfDueTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		late, first, second := s.submit("a", 10*time.Second), s.submit("a", 0), s.submit("a", 0)
		other := s.submit("b", 0)
		c := s.subscribe("w", "a")
		s.want("runs", []string{first, second, ""}, []string{s.next(c), s.next(c), s.next(c)})
		began := time.Now()
		s.want("the one that was not due", late, s.nextWithin(c, time.Minute))
		if waited := time.Since(began); waited > 11*time.Second || time.Now().Before(s.run(late).Due()) {
			t.Errorf("it came after %s", waited)
		}
		s.want("another key", "", s.next(c))
		s.want("its own worker", other, s.next(s.subscribe("v", "b")))
	})
}

func TestConsumer_servesTaskKeysInRoundRobin(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		a1, a2, a3, b1, b2 := s.submit("a", 0), s.submit("a", 0), s.submit("a", 0), s.submit("b", 0), s.submit("b", 0)
		c := s.subscribe("w", "a", "b")
		got := []string{}
		for range 5 {
			got = append(got, s.next(c))
		}
		s.want("turns", []string{a1, b1, a2, b2, a3}, got)
	})
}

// The round robin continues after the key that was served last, also if it skipped
// keys without runs.
func TestConsumer_continuesRoundRobinAfterLastKey(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		c := s.subscribe("w", "a", "b", "c")
		want, got := []string{}, []string{}
		for _, keys := range [][]string{{"c"}, {"c", "a"}, {"c", "a"}, {"b", "a"}, {"c", "b"}} {
			ids := map[string]string{}
			for _, key := range keys {
				ids[key] = s.submit(key, 0)
			}
			for range keys {
				got = append(got, s.run(s.next(c)).TaskKey)
			}
		}
		want = append(want, "c", "a", "c", "a", "c", "a", "b", "c", "b")
		s.want("turns", want, got)
	})
}

func TestConsumer_doesNotDeliverRunsThatNoLongerWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		cancelled, deleted, started := s.submit("a", 0), s.submit("a", 0), s.submit("a", 0)
		direct, _, err := s.service.Create(s.t.Context(), taskrun.NewRun{
			Run: taskrun.Run{TaskKey: "a", DynamicKey: "direct"}, State: &taskrun.Proposal{Type: orchestration.Scheduled},
		})
		if err != nil || direct.State.Type != orchestration.Scheduled {
			t.Fatal(err)
		}
		s.set(cancelled, orchestration.Cancelled)
		s.set(started, orchestration.Running)
		if err := s.service.Delete(s.t.Context(), deleted); err != nil {
			t.Fatal(err)
		}
		s.want("delivered", "", s.next(s.subscribe("w", "a")))
	})
}

func TestQueue_newRunWakesConsumerThatWaitedLongest(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		got := make(chan string, 2)
		for _, name := range []string{"first", "second"} {
			c := s.subscribe(name, "a", "b")
			go func() {
				run, err := c.Next(s.t.Context())
				if err == nil {
					got <- c.clientID + " " + run.TaskKey
				}
			}()
			synctest.Wait()
		}
		s.submit("b", 0)
		synctest.Wait()
		s.submit("a", 0)
		s.want("woken", []string{"first b", "second a"}, []string{<-got, <-got})
	})
}

// The woken consumer may have ended its wait.
func TestQueue_wakesAnotherConsumerWhenTheWokenOneLeaves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		ctx, cancel := context.WithCancel(s.t.Context())
		leaving, staying := s.subscribe("leaving", "a"), s.subscribe("staying", "a")
		ended, got := make(chan error), make(chan string)
		go func() {
			_, err := leaving.Next(ctx)
			ended <- err
		}()
		synctest.Wait()
		go func() {
			run, err := staying.Next(s.t.Context())
			if err == nil {
				got <- run.ID
			}
		}()
		synctest.Wait()
		// Wake it as a new run would, after its context has ended.
		s.queue.mu.Lock()
		cancel()
		s.queue.wake("a")
		s.queue.mu.Unlock()
		if err := <-ended; err == nil {
			t.Fatal("the leaving consumer received a run")
		}
		id := s.submit("a", 0)
		s.want("the staying consumer", id, <-got)
	})
}

func TestConsumer_deliversReleasedRunToNextWorker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		id := s.submit("a", 0)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("the first", id, s.next(first))
		s.want("the second before the Nack", "", s.next(second))
		first.Nack(s.t.Context(), s.run(id))
		s.want("the second", id, s.next(second))
		first.Nack(s.t.Context(), s.run(id))
		s.want("holder, after a second Nack", "second", s.run(id).Holder())
		s.want("attempts", 2, s.run(id).Delivery.Attempts)
	})
}

func TestConsumer_deliversAfterStoreOutage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		id := s.submit("a", 0)
		s.store.Break(taskrun.ErrUnavailable)
		c := s.subscribe("w", "a")
		s.want("while the store is unavailable", "", s.nextWithin(c, time.Second))
		s.store.Break(nil)
		s.want("afterwards", id, s.nextWithin(c, time.Second))
	})
}

func TestConsumer_twoReplicasDeliverEachRunOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		other := NewQueue(s.store, clock.RealClock{})
		stop := other.Open()
		defer stop()
		elsewhere := NewWorkers(other, s.service, clock.RealClock{}, SingleReplica{})
		const runs = 60
		for range runs {
			s.submit("a", 0)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		got := []string{}
		for i := range 6 {
			workers := []*Workers{s.workers, elsewhere}[i%2]
			c, err := workers.Subscribe(s.t.Context(), []string{"a"}, fmt.Sprint("w", i))
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				for id := s.nextWithin(c, time.Second); id != ""; id = s.nextWithin(c, time.Second) {
					mu.Lock()
					got = append(got, id)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		slices.Sort(got)
		if len(got) != runs || len(slices.Compact(got)) != runs {
			t.Errorf("%d runs were delivered, %d different ones, want each of %d once", len(got), len(slices.Compact(got)), runs)
		}
	})
}

func TestWorkers_List(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		a, b := s.subscribe("w", "x"), s.subscribe("w", "y")
		v := s.subscribe("v", "z")
		names := func(keys []string) []string {
			list := []string{}
			for _, w := range s.workers.List(keys) {
				list = append(list, fmt.Sprint(w.ID, w.TaskKeys))
			}
			return list
		}
		s.want("all", []string{"v[z]", "w[x y]"}, names(nil))
		s.want("by key", []string{"w[x y]"}, names([]string{"y", "none"}))
		s.want("by none", []string{}, names([]string{}))
		a.Close()
		b.Close()
		b.Close()
		pass(2 * time.Second)
		s.want("after a short while", []string{"v[z]", "w[y]"}, names(nil))
		pass(time.Millisecond)
		s.want("afterwards", []string{"v[z]"}, names(nil))
		v.Close()
	})
}

func TestConsumer_countsDeliveries(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.submit("a", 10*time.Second)
		pass(25 * time.Second)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("connected", 2, s.workers.Connected())
		id := s.next(first)
		first.Nack(s.t.Context(), s.run(id))
		first.Close()
		s.want("connected, when one has left", 1, s.workers.Connected())
		s.next(second)
		s.want("deliveries", []string{"1 after 15s", "2 after 15s"}, s.deliveries)
	})
}

func TestQueue_Depth(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.want("of nothing", map[string]Depth{}, s.queue.Depth())
		began := time.Now()
		s.submit("a", time.Hour)
		s.submit("a", time.Minute)
		s.submit("a", time.Second)
		s.submit("b", time.Hour)
		pass(time.Minute)
		got := s.queue.Depth()
		s.want("a", Depth{Due: 2, Waiting: 3}, Depth{Due: got["a"].Due, Waiting: got["a"].Waiting})
		s.want("b", Depth{Due: 0, Waiting: 1}, Depth{Due: got["b"].Due, Waiting: got["b"].Waiting})
		s.want("the first of a", time.Second, got["a"].Oldest.Sub(began).Round(time.Second))
	})
}

// Workers connect, finish runs, reject runs and disconnect at random. In the end all
// runs have finished, and no two connected workers held a run at the same time.
func TestDelivery_losesNoRunAmongRandomWorkers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.startReaper()
				const runs = 80
				ids := []string{}
				for range runs {
					ids = append(ids, s.submit("a", time.Duration(len(ids)%7)*time.Second))
				}
				var all sync.WaitGroup
				var mu sync.Mutex
				at := map[string]int{} // workers at each run
				for i := range 5 {
					random := rand.New(rand.NewPCG(seed, uint64(i)))
					all.Go(func() {
						for life := range 200 {
							if !s.live(random, fmt.Sprint("w", i, "-", life), &mu, at) {
								return
							}
						}
					})
				}
				all.Wait()
				for _, id := range ids {
					if run := s.run(id); run.State.Type != orchestration.Completed && run.State.Type != orchestration.Crashed {
						t.Errorf("a run is left in %s, held by %q, delivered %d times", run.State.Type, run.Holder(), run.Delivery.Attempts)
					}
				}
			})
		})
	}
}

// live runs one worker. It returns false if the worker received no run for 5 minutes.
func (s *fixture) live(random *rand.Rand, name string, mu *sync.Mutex, at map[string]int) (goOn bool) {
	c := s.subscribe(name, "a")
	defer c.Close()
	for {
		id := s.nextWithin(c, 5*time.Minute)
		if id == "" {
			return false
		}
		mu.Lock()
		at[id]++
		if at[id] > 1 {
			s.t.Errorf("two workers hold run %s", id)
		}
		mu.Unlock()
		done := func() {
			mu.Lock()
			at[id]--
			mu.Unlock()
		}
		switch random.IntN(5) {
		case 0: // it disconnects with the run
			done()
			return true
		case 1: // it rejects the run
			done()
			c.Nack(s.t.Context(), s.run(id))
		default:
			s.set(id, orchestration.Running)
			pass(time.Duration(random.IntN(3000)) * time.Millisecond)
			done()
			s.set(id, orchestration.Completed)
		}
	}
}

// pass advances the time of the bubble.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // see above
