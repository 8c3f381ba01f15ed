package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// bubbleClock is the time within a synctest bubble.
type bubbleClock struct{}

func (bubbleClock) Now() time.Time { return time.Now() }

// told is what a replica told of what it did.
type told struct {
	mu     sync.Mutex
	losses []string
	sent   []string
}

// scene is a store with a replica over it. It plays in a bubble, where time
// passes only while everybody waits.
type scene struct {
	told

	t       *testing.T
	store   *memory.Store
	service *taskrun.Service
	queue   *Queue
	workers *Workers
	made    int
	ends    []func()
	lost    []orchestration.StateType
	deaf    atomic.Bool // the other replicas' workers are not known
}

// Announce tells nobody: there is no other replica.
func (s *scene) Announce([]Worker) {}

// Others are none, if that is known.
func (s *scene) Others() ([]Worker, bool) { return nil, !s.deaf.Load() }

func play(t *testing.T, script func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, store: memory.New()}
		s.service = taskrun.NewService(taskrun.ServiceOptions{Namespace: "default", Store: s.store, Clock: bubbleClock{}})
		s.queue = NewQueue(s.store, bubbleClock{})
		s.workers = NewWorkers(s.queue, s.service, bubbleClock{}, s)
		s.ends = append(s.ends, s.queue.Open())
		defer func() {
			for _, end := range s.ends {
				end()
			}
		}()
		s.workers.Metrics = s
		script(s)
	})
}

// RunAbandoned notes what became of runs.
func (s *scene) RunAbandoned(state orchestration.StateType) { s.lost = append(s.lost, state) }

// RunLost notes what was told of lost runs.
func (s *scene) RunLost(loss *taskrun.Loss) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.losses = append(s.losses, fmt.Sprint(loss.Worker, " ", loss.Before, " ", loss.Run.State.Type, " ", loss.Moved))
}

// RunDelivered notes deliveries.
func (s *scene) RunDelivered(attempt int, waited time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, fmt.Sprint(attempt, " after ", waited.Round(time.Second)))
}

// startReaper looks after the workers until the test ends.
func (s *scene) startReaper() {
	reaper := &Reaper{
		ReaperOptions: DefaultReaperOptions(), Queue: s.queue, Workers: s.workers, Leases: s.service,
		Clock: bubbleClock{}, Log: slog.New(slog.DiscardHandler), Metrics: s, Witness: s,
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = reaper.Start(ctx)
	}()
	s.ends = append(s.ends, func() { cancel(); <-ended })
}

// submit makes a background run, due after a while.
func (s *scene) submit(key string, after time.Duration, edits ...func(*taskrun.Run)) string {
	s.t.Helper()
	s.made++
	at := time.Now().Add(after)
	in := taskrun.NewRun{
		Run: taskrun.Run{TaskKey: key, DynamicKey: strconv.Itoa(s.made)},
		State: &taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{
			Deferred: new(true), ScheduledTime: &at, TaskParametersID: "0198a1b2-0000-7000-8000-0000000000aa",
		}},
	}
	for _, edit := range edits {
		edit(&in.Run)
	}
	run, _, err := s.service.Create(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	pass(time.Millisecond) // the next one is younger
	return run.ID
}

func (s *scene) subscribe(id string, keys ...string) *Consumer {
	s.t.Helper()
	c, err := s.workers.Subscribe(s.t.Context(), keys, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// next wants a run for the consumer without waiting, "" for none.
func (s *scene) next(c *Consumer) string { return s.nextWithin(c, time.Microsecond) }

func (s *scene) nextWithin(c *Consumer, d time.Duration) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	run, err := c.Next(ctx)
	if err != nil {
		return ""
	}
	return run.ID
}

func (s *scene) set(id string, kind orchestration.StateType) {
	s.t.Helper()
	if _, err := s.service.SetState(s.t.Context(), id, taskrun.Proposal{Type: kind, Force: true}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) run(id string) *taskrun.Run {
	s.t.Helper()
	run, err := s.service.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

func (s *scene) want(what string, want, got any) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestRunsGoOutInTheOrderTheyAreDue(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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

func TestEveryKeyHasItsTurn(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		a1, a2, a3, b1, b2 := s.submit("a", 0), s.submit("a", 0), s.submit("a", 0), s.submit("b", 0), s.submit("b", 0)
		c := s.subscribe("w", "a", "b")
		got := []string{}
		for range 5 {
			got = append(got, s.next(c))
		}
		s.want("turns", []string{a1, b1, a2, b2, a3}, got)
	})
}

func TestWhatIsNoLongerWaitingIsNotHandedOut(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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
		s.want("handed out", "", s.next(s.subscribe("w", "a")))
	})
}

func TestARunThatComesWakesTheOneWhoWaitsLongest(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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

// The one who was woken may be gone by then.
func TestAWakeUpIsNotLost(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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
		// Wake it by hand, as a run would, when it is already leaving.
		s.queue.mu.Lock()
		cancel()
		s.queue.wake("a")
		s.queue.mu.Unlock()
		if err := <-ended; err == nil {
			t.Fatal("the leaving one got a run")
		}
		id := s.submit("a", 0)
		s.want("who stayed", id, <-got)
	})
}

func TestAReturnedRunIsForTheNext(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		id := s.submit("a", 0)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("the first", id, s.next(first))
		s.want("the second meanwhile", "", s.next(second))
		first.Return(s.t.Context(), s.run(id))
		s.want("the second", id, s.next(second))
		first.Return(s.t.Context(), s.run(id))
		s.want("holder, after the first says so again", "second", s.run(id).Holder())
		s.want("attempts", 2, s.run(id).Delivery.Attempts)
	})
}

func TestAStoreThatIsGoneLosesNothing(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		id := s.submit("a", 0)
		s.store.Break(taskrun.ErrUnavailable)
		c := s.subscribe("w", "a")
		s.want("while the store is gone", "", s.nextWithin(c, time.Second))
		s.store.Break(nil)
		s.want("afterwards", id, s.nextWithin(c, time.Second))
	})
}

func TestTwoReplicasHandOutEachRunOnce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		other := NewQueue(s.store, bubbleClock{})
		stop := other.Open()
		defer stop()
		elsewhere := NewWorkers(other, s.service, bubbleClock{}, Alone{})
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
			t.Errorf("%d runs were handed out, %d different ones, want each of %d once", len(got), len(slices.Compact(got)), runs)
		}
	})
}

func TestWorkersAreListed(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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
		pass(lingering)
		s.want("after a short while", []string{"v[z]", "w[y]"}, names(nil))
		pass(time.Millisecond)
		s.want("afterwards", []string{"v[z]"}, names(nil))
		v.Close()
	})
}

func TestWhatBecomesOfTheRunsOfAWorkerThatIsGone(t *testing.T) {
	t.Parallel()
	retried := func(r *taskrun.Run) { r.Policy.Retries = "1" }
	tests := map[string]struct {
		edit  func(*taskrun.Run)
		state orchestration.StateType // what the worker brought it to; None: it never started
		want  string
		again bool   // another worker gets it
		told  string // to the witness
	}{
		"not started":                {want: "SCHEDULED Scheduled", again: true, told: "first SCHEDULED SCHEDULED false"},
		"pending":                    {state: orchestration.Pending, want: "SCHEDULED Scheduled", again: true, told: "first PENDING SCHEDULED true"},
		"running":                    {state: orchestration.Running, want: "CRASHED Crashed", told: "first RUNNING CRASHED true"},
		"running, with a retry left": {edit: retried, state: orchestration.Running, want: "SCHEDULED AwaitingRetry", again: true, told: "first RUNNING SCHEDULED true"},
		"being cancelled":            {state: orchestration.Cancelling, want: "CANCELLED Cancelled", told: "first CANCELLING CANCELLED true"},
		"finished":                   {state: orchestration.Completed, want: "COMPLETED Completed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.startReaper()
				edits := []func(*taskrun.Run){}
				if tt.edit != nil {
					edits = append(edits, tt.edit)
				}
				id := s.submit("a", 0, edits...)
				first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
				s.want("the first", id, s.next(first))
				if tt.state != orchestration.None {
					s.set(id, tt.state)
				}
				pass(time.Minute)
				s.want("the second while the first is there", "", s.next(second))
				first.Close()
				pass(9 * time.Second)
				s.want("the second within the grace time", "", s.next(second))
				pass(5 * time.Second)
				run := s.run(id)
				s.want("state", tt.want, string(run.State.Type)+" "+run.State.Name)
				synctest.Wait()
				told := []string{}
				if tt.told != "" {
					told = append(told, tt.told)
				}
				s.want("what was told", told, append([]string{}, s.losses...))
				want := ""
				if tt.again {
					want = id
				}
				s.want("the second", want, s.next(second))
				if tt.again {
					s.want("parameters", "0198a1b2-0000-7000-8000-0000000000aa", s.run(id).State.Details.TaskParametersID)
				}
			})
		})
	}
}

// Two replicas see a worker go: what one did, the other does not tell.
func TestALossIsToldOnce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.startReaper()
		s.startReaper()
		id := s.submit("a", 0)
		first := s.subscribe("first", "a")
		s.want("the first", id, s.next(first))
		first.Close()
		pass(time.Minute)
		synctest.Wait()
		s.want("what was told", []string{"first SCHEDULED SCHEDULED false"}, s.losses)
		s.want("what was counted", []orchestration.StateType{""}, s.lost)
	})
}

func TestDeliveriesAreCounted(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.submit("a", 10*time.Second)
		pass(25 * time.Second)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("connected", 2, s.workers.Connected())
		id := s.next(first)
		first.Return(s.t.Context(), s.run(id))
		first.Close()
		s.want("connected, when one has left", 1, s.workers.Connected())
		s.next(second)
		s.want("deliveries", []string{"1 after 15s", "2 after 15s"}, s.sent)
	})
}

func TestDepthTellsWhatIsDueAndWhatIsForLater(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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

func TestAWorkerThatComesBackKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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

// A replica that cannot tell who is connected elsewhere takes nobody's runs.
func TestNobodyIsGoneWhileThatCannotBeTold(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.deaf.Store(true)
		s.startReaper()
		id := s.submit("a", 0)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("the first", id, s.next(first))
		first.Close()
		pass(time.Minute)
		s.want("the second", "", s.next(second))
		s.deaf.Store(false)
		pass(9 * time.Second)
		s.want("the second within the grace time since it can be told", "", s.next(second))
		pass(5 * time.Second)
		s.want("the second", id, s.next(second))
	})
}

func TestAReplicaTakesNoMoreWorkersThanItCanTellOf(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		long := strings.Repeat("<", taskrun.MaxHolder-10)
		for i := range 1000 {
			_, err := s.workers.Subscribe(s.t.Context(), []string{"a"}, long+strconv.Itoa(i))
			if err == nil {
				continue
			}
			text, problem := json.Marshal(s.workers.connected())
			if !errors.Is(err, taskrun.ErrUnavailable) || problem != nil || i < 100 {
				t.Errorf("worker %d: %v, want ErrUnavailable after hundreds (%v)", i, err, problem)
			}
			if keys := i * len(`["a"]`); len(text)-keys > MaxRoster {
				t.Errorf("%d workers take %d bytes, want at most %d", i, len(text)-keys, MaxRoster)
			}
			return
		}
		t.Error("all workers are taken")
	})
}

func TestARunIsNotHandedOutForEver(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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
		s.want("what the reaper did", []orchestration.StateType{"", "", "", "", "CRASHED"}, s.lost)
	})
}

// Workers come, take, finish, drop and vanish at random: in the end all runs are
// done, and no two workers that were there had one run at once.
func TestNothingIsLostAmongRandomWorkers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
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
						t.Errorf("a run is left in %s, held by %q, handed out %d times", run.State.Type, run.Holder(), run.Delivery.Attempts)
					}
				}
			})
		})
	}
}

// live is the life of one worker; it is over when there is nothing to do for long.
func (s *scene) live(random *rand.Rand, name string, mu *sync.Mutex, at map[string]int) (goOn bool) {
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
			s.t.Errorf("two workers have run %s", id)
		}
		mu.Unlock()
		done := func() {
			mu.Lock()
			at[id]--
			mu.Unlock()
		}
		switch random.IntN(5) {
		case 0: // it vanishes with the run
			done()
			return true
		case 1: // it does not want the run
			done()
			c.Return(s.t.Context(), s.run(id))
		default:
			s.set(id, orchestration.Running)
			pass(time.Duration(random.IntN(3000)) * time.Millisecond)
			done()
			s.set(id, orchestration.Completed)
		}
	}
}

// pass lets time go by, which takes none: the tests run in a bubble.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // see above
