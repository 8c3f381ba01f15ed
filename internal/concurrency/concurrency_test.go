package concurrency_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// pass advances the time of the bubble.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // see above

// flaky is a store of runs whose progress writes can fail in every way: the request
// is lost, the response is lost, or the request is delayed.
type flaky struct {
	*memory.Store

	mu   sync.Mutex
	fate func() fate
}

type fate struct {
	lost, unanswered bool
	late             time.Duration
}

func (f *flaky) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	f.mu.Lock()
	fate := f.fate()
	f.mu.Unlock()
	pass(fate.late)
	if fate.lost {
		return nil, taskrun.ErrUnavailable
	}
	after, err := f.Store.UpdateProgress(ctx, run)
	if err == nil && fate.unanswered {
		return nil, taskrun.ErrUnavailable
	}
	return after, err
}

// replica is one of several replicas with the same stores.
type replica struct {
	limits *concurrency.Service
	runs   *usecase.Service
}

// fixture has stores, and replicas that use them.
type fixture struct {
	t        *testing.T
	runs     *flaky
	limits   *memory.Limits
	replicas []replica
	made     int
}

func inBubble(t *testing.T, script func(*fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &fixture{t: t, runs: &flaky{Store: memory.New(), fate: func() fate { return fate{} }}, limits: memory.NewLimits()}
		for range 2 {
			limits := concurrency.New(concurrency.Options{Namespace: "default", Store: s.limits, Runs: s.runs, Clock: clock.RealClock{}})
			s.replicas = append(s.replicas, replica{limits, usecase.New(usecase.Options{
				Namespace: "default", Store: s.runs, Clock: clock.RealClock{}, Slots: limits,
			})})
		}
		script(s)
	})
}

func (s *fixture) limit(name string, slots int) {
	s.t.Helper()
	if _, err := s.replicas[0].limits.Create(s.t.Context(), concurrency.NewLimit{Name: name, Active: true, Limit: slots}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *fixture) run(tags ...string) string {
	s.t.Helper()
	s.made++
	run, _, err := s.replicas[0].runs.Create(s.t.Context(), taskrun.NewRun{
		Run: taskrun.Run{TaskKey: "k", DynamicKey: strconv.Itoa(s.made), Tags: tags},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return run.ID
}

// set proposes a state at the nth replica and returns the outcome.
func (s *fixture) set(n int, id string, kind orchestration.StateType) orchestration.Status {
	s.t.Helper()
	outcome, err := s.replicas[n%len(s.replicas)].runs.SetState(s.t.Context(), id, taskrun.Proposal{Type: kind})
	if err != nil {
		s.t.Fatal(err)
	}
	return outcome.Decision.Status
}

func (s *fixture) taken(name string) int {
	s.t.Helper()
	view, err := s.replicas[1].limits.Get(s.t.Context(), concurrency.Key{Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return view.ActiveSlots
}

func (s *fixture) want(what string, want, got any) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTagLimit_runHoldsSlotWhileRunning(t *testing.T) {
	t.Parallel()
	for _, end := range []orchestration.StateType{orchestration.Completed, orchestration.Failed, orchestration.Paused, orchestration.Pending} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("tag:a", 1)
				first, second := s.run("a"), s.run("a")
				s.want("the first", orchestration.Accept, s.set(0, first, orchestration.Running))
				s.want("the second", orchestration.Wait, s.set(1, second, orchestration.Running))
				s.want("the first again", orchestration.Accept, s.set(1, first, orchestration.Running))
				pass(time.Hour)
				s.want("the first, being cancelled", orchestration.Accept, s.set(1, first, orchestration.Cancelling))
				s.want("taken", 1, s.taken("tag:a"))
				s.want("the second still", orchestration.Wait, s.set(1, second, orchestration.Running))
				s.want("the first leaves", orchestration.Accept, s.set(1, first, end))
				s.want("taken afterwards", 0, s.taken("tag:a"))
				s.want("the second now", orchestration.Accept, s.set(0, second, orchestration.Running))
			})
		})
	}
}

func TestTagLimit_deletedRunHoldsNoSlot(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 1)
		first, second := s.run("a"), s.run("a")
		s.set(0, first, orchestration.Running)
		if err := s.replicas[0].runs.Delete(s.t.Context(), first); err != nil {
			t.Fatal(err)
		}
		pass(4 * time.Second)
		s.want("the second", orchestration.Accept, s.set(0, second, orchestration.Running))
	})
}

func TestTagLimit_runClaimsAllLimitsOrNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 2)
		s.limit("tag:b", 1)
		first, second := s.run("a", "b"), s.run("b", "a")
		s.want("the first", orchestration.Accept, s.set(0, first, orchestration.Running))
		s.want("the second", orchestration.Wait, s.set(1, second, orchestration.Running))
		s.want("a", 1, s.taken("tag:a"))
		s.want("b", 1, s.taken("tag:b"))
	})
}

// A start whose write is lost blocks the slot for claimTTL. A start whose response is
// lost holds the slot.
func TestTagLimit_failedStartHoldsSlotBriefly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fate fate
		want orchestration.Status
	}{
		"the write was lost":    {fate{lost: true}, orchestration.Accept},
		"the response was lost": {fate{unanswered: true}, orchestration.Wait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("tag:a", 1)
				first, second := s.run("a"), s.run("a")
				s.runs.fate = func() fate { return tt.fate }
				_, err := s.replicas[0].runs.SetState(s.t.Context(), first, taskrun.Proposal{Type: orchestration.Running})
				if !errors.Is(err, taskrun.ErrUnavailable) {
					t.Fatalf("error %v", err)
				}
				s.runs.fate = func() fate { return fate{} }
				s.want("at once", orchestration.Wait, s.set(1, second, orchestration.Running))
				pass(4 * time.Second)
				s.want("later", tt.want, s.set(1, second, orchestration.Running))
			})
		})
	}
}

// The write of a start arrives after the expiration of its claim. Another run holds
// the slot then, so the write must fail.
func TestTagLimit_lateStartIsFenced(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 1)
		first, second := s.run("a"), s.run("a")
		late := true
		s.runs.fate = func() fate {
			if late {
				late = false
				return fate{late: time.Minute}
			}
			return fate{}
		}
		answer := make(chan orchestration.Status)
		go func() { answer <- s.set(0, first, orchestration.Running) }()
		pass(4 * time.Second)
		s.want("the second", orchestration.Accept, s.set(1, second, orchestration.Running))
		s.want("the first", orchestration.Wait, <-answer)
		s.want("taken", 1, s.taken("tag:a"))
	})
}

// Many runs at two replicas, with occasional failed writes: the number of RUNNING
// runs never exceeds the slots, and all of them run in time.
func TestTagLimit_neverMoreRunningThanSlots(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				random := rand.New(rand.NewPCG(seed, 17))
				slots := map[string]int{"a": 1 + random.IntN(3), "b": 1 + random.IntN(3)}
				for tag, n := range slots {
					s.limit("tag:"+tag, n)
				}
				luck := rand.New(rand.NewPCG(seed, 18))
				s.runs.fate = func() fate {
					return fate{lost: luck.IntN(12) == 0, unanswered: luck.IntN(12) == 0, late: time.Duration(luck.IntN(20)) * time.Millisecond}
				}
				w := &watched{fixture: s, slots: slots, inside: map[string]int{}}
				var all sync.WaitGroup
				for i := range 24 {
					tags := [][]string{{"a"}, {"b"}, {"a", "b"}, {"b", "a", "free"}}[random.IntN(4)]
					id, stay := s.run(tags...), time.Duration(1+random.IntN(2000))*time.Millisecond
					all.Go(func() { w.live(i, id, tags, stay) })
				}
				began := time.Now()
				all.Wait()
				// Run one after the other, they take 24 s. An unused slot costs a
				// second, a slot whose claimer ended a little over three.
				if took := time.Since(began); took > 3*time.Minute {
					t.Errorf("it took %s", took)
				}
				pass(5 * time.Second)
				if err := s.replicas[0].limits.Sweep(s.t.Context()); err != nil {
					t.Error(err)
				}
				for tag := range slots {
					s.want("taken of "+tag+" in the end", 0, s.taken("tag:"+tag))
				}
			})
		})
	}
}

// watched counts the runs that are RUNNING, by tag.
type watched struct {
	*fixture
	slots map[string]int

	mu     sync.Mutex
	inside map[string]int
}

func (w *watched) live(n int, id string, tags []string, stay time.Duration) {
	if !w.within(longestTurn, func() bool { return w.propose(n, id, orchestration.Running) }) {
		return
	}
	w.count(tags, 1)
	pass(stay)
	w.count(tags, -1)
	w.within(longestTurn, func() bool { return w.propose(n, id, orchestration.Completed) })
}

// longestTurn is more than all runs and leases of a test take, one after the other.
const longestTurn = 10 * time.Minute

// within retries each second, and fails the test after that time.
func (s *fixture) within(limit time.Duration, try func() bool) bool {
	s.t.Helper()
	for began := time.Now(); !try(); pass(time.Second) {
		if time.Since(began) > limit {
			s.t.Errorf("no success within %s", limit)
			return false
		}
	}
	return true
}

// propose reports whether the run is now in the state, regardless of the cause.
func (w *watched) propose(n int, id string, kind orchestration.StateType) bool {
	_, err := w.replicas[n%2].runs.SetState(w.t.Context(), id, taskrun.Proposal{Type: kind})
	if err != nil && !errors.Is(err, taskrun.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		w.t.Errorf("SetState(%s): %v", kind, err)
	}
	return w.runs.Known(id).State.Type == kind
}

func (w *watched) count(tags []string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, tag := range tags {
		w.inside[tag] += n
		if most, limited := w.slots[tag]; limited && w.inside[tag] > most {
			w.t.Errorf("%d runs with tag %s are RUNNING, there are %d slots", w.inside[tag], tag, most)
		}
	}
}
