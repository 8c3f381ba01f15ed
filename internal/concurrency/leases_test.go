package concurrency_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func lease(slots int, names ...string) concurrency.Acquisition {
	return concurrency.Acquisition{Names: names, Slots: slots, Lease: time.Minute}
}

// acquire takes a lease at the nth replica; "" when it is locked.
func (s *fixture) acquire(n int, in concurrency.Acquisition) string {
	s.t.Helper()
	id, _, err := s.replicas[n].limits.Acquire(s.t.Context(), in)
	if locked, ok := errors.AsType[*concurrency.LockedError](err); ok {
		if locked.RetryAfter <= 0 || locked.RetryAfter > time.Second {
			s.t.Errorf("to be tried again after %s", locked.RetryAfter)
		}
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func TestLease_expiresUnlessRenewed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 2)
		id := s.acquire(0, lease(2, "x", "unknown"))
		s.want("taken", 2, s.taken("x"))
		s.want("another", "", s.acquire(1, lease(1, "x")))
		pass(59 * time.Second)
		if err := s.replicas[1].limits.Renew(s.t.Context(), id, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
		pass(119 * time.Second)
		s.want("before it runs out", "", s.acquire(1, lease(1, "x")))
		pass(time.Second)
		s.want("taken when it has expired", 0, s.taken("x"))
		if err := s.replicas[1].limits.Renew(s.t.Context(), id, time.Minute); !errors.Is(err, concurrency.ErrNoLease) {
			t.Errorf("renewing what ran out: %v", err)
		}
		id = s.acquire(1, lease(2, "x"))
		for range 2 {
			if err := s.replicas[0].limits.ReleaseLease(s.t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		s.want("taken after its release", 0, s.taken("x"))
		if err := s.replicas[0].limits.Renew(s.t.Context(), id, time.Minute); !errors.Is(err, concurrency.ErrNoLease) {
			t.Errorf("renewing what was given back: %v", err)
		}
	})
}

func TestLease_ofRunEndsWithTheRun(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 1)
		run := s.run("other")
		in := lease(1, "tag:a")
		in.Holder = &concurrency.Holder{Kind: concurrency.KindTaskRun, ID: run}
		s.acquire(0, in)
		s.set(0, run, orchestration.Running)
		s.want("while it runs", 1, s.taken("tag:a"))
		s.set(0, run, orchestration.Failed)
		s.want("after its end", 0, s.taken("tag:a"))
	})
}

func TestLease_overSeveralLimitsIsAllOrNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 1)
		s.limit("y", 1)
		id := s.acquire(0, lease(1, "y", "x"))
		s.want("another", "", s.acquire(1, lease(1, "y")))
		if err := s.replicas[1].limits.ReleaseLease(s.t.Context(), id); err != nil {
			t.Fatal(err)
		}
		s.acquire(0, lease(1, "y"))
		s.want("both, of which one is taken", "", s.acquire(1, lease(1, "x", "y")))
		s.want("the other one", 0, s.taken("x"))
	})
}

// A lease on only one of its limits was left by a replica that has ended.
func TestLease_partialLeaseExpires(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 1)
		s.limit("y", 1)
		s.acquire(0, concurrency.Acquisition{Names: []string{"x", "y"}, Slots: 1, Lease: 24 * time.Hour})
		if err := s.replicas[0].limits.Reset(s.t.Context(), "y", nil); err != nil {
			t.Fatal(err)
		}
		s.want("at once", "", s.acquire(1, lease(1, "x")))
		pass(11 * time.Second)
		if err := s.replicas[1].limits.Sweep(s.t.Context()); err != nil {
			t.Fatal(err)
		}
		s.want("after a while", 0, s.taken("x"))
	})
}

func TestLease_slotsDecay(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		_, err := s.replicas[0].limits.Create(s.t.Context(), concurrency.NewLimit{Name: "rate", Active: true, Limit: 2, SlotDecayPerSecond: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		in := concurrency.Acquisition{Names: []string{"rate"}, Slots: 2, RateLimit: true}
		if s.acquire(0, in); s.acquire(1, in) != "" {
			t.Error("more than the limit at once")
		}
		pass(2 * time.Second)
		s.want("taken after a while", 1, s.taken("rate"))
		pass(2 * time.Second)
		if s.acquire(0, in) == "" {
			t.Error("the slots have not decayed")
		}
		s.limit("steady", 1)
		_, _, err = s.replicas[0].limits.Acquire(s.t.Context(), concurrency.Acquisition{Names: []string{"rate", "steady"}, Slots: 1, RateLimit: true})
		if _, ok := errors.AsType[*concurrency.NoDecayError](err); !ok {
			t.Errorf("error %v", err)
		}
	})
}

func TestAnonymousSlots_areHeldUntilReleased(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 3)
		in := concurrency.Acquisition{Names: []string{"x"}, Slots: 2}
		s.acquire(0, in)
		s.want("a second time", "", s.acquire(1, in))
		spent := 30 * time.Second
		if _, err := s.replicas[1].limits.Release(s.t.Context(), concurrency.Released{Names: []string{"x"}, Slots: 5, Occupancy: &spent}); err != nil {
			t.Fatal(err)
		}
		s.want("taken", 0, s.taken("x"))
		view, err := s.replicas[0].limits.Get(s.t.Context(), concurrency.Key{Name: "x"})
		if err != nil || view.AvgSlotOccupancySeconds <= concurrency.UsualOccupancy || view.DeniedSlots != 2 {
			t.Errorf("limit %+v, error %v", view, err)
		}
		if _, _, err = s.replicas[0].limits.Acquire(s.t.Context(), lease(4, "x")); !errors.Is(err, concurrency.ErrTooManySlots) {
			t.Errorf("error %v", err)
		}
	})
}

func TestLimit_changesApplyToLeases(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 2)
		runs := []string{s.run("a"), s.run("a"), s.run("a")}
		s.set(0, runs[0], orchestration.Running)
		s.set(1, runs[1], orchestration.Running)
		limits := s.replicas[0].limits
		change := func(c concurrency.Change) {
			if err := limits.Update(s.t.Context(), concurrency.Key{Name: "tag:a"}, c); err != nil {
				t.Fatal(err)
			}
		}
		change(concurrency.Change{Limit: new(1)})
		s.want("after the limit was lowered, running runs keep their slots", 2, s.taken("tag:a"))
		s.set(0, runs[0], orchestration.Completed)
		s.want("after one run has ended", orchestration.Wait, s.set(0, runs[2], orchestration.Running))
		change(concurrency.Change{Active: new(false)})
		s.want("inactive", orchestration.Accept, s.set(0, runs[2], orchestration.Running))
		change(concurrency.Change{Active: new(true), Limit: new(0)})
		s.want("of zero", orchestration.Abort, s.set(0, s.run("a"), orchestration.Running))
		if _, err := limits.Create(s.t.Context(), concurrency.NewLimit{Name: "tag:a"}); !errors.Is(err, taskrun.ErrExists) {
			t.Errorf("a second limit of the name: %v", err)
		}
		if err := limits.Delete(s.t.Context(), concurrency.Key{Name: "tag:a"}); err != nil {
			t.Fatal(err)
		}
		s.want("deleted", orchestration.Accept, s.set(0, s.run("a"), orchestration.Running))
	})
}

// Both replicas acquire leases at once, and do not release all of them.
func TestLease_neverMoreLeasesThanSlots(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 3)
		s.limit("y", 2)
		w := &watched{fixture: s, slots: map[string]int{"x": 3, "y": 2}, inside: map[string]int{}}
		var all sync.WaitGroup
		for i := range 20 {
			names := [][]string{{"x"}, {"x", "y"}, {"y", "x"}}[i%3]
			all.Go(func() {
				id := ""
				if !s.within(longestTurn, func() bool { id = s.acquire(i%2, lease(1, names...)); return id != "" }) {
					return
				}
				w.count(names, 1)
				pass(time.Duration(100*i) * time.Millisecond)
				w.count(names, -1)
				if i%5 == 0 {
					return // the replica ended: its lease expires
				}
				if err := s.replicas[(i+1)%2].limits.ReleaseLease(s.t.Context(), id); err != nil {
					t.Error(fmt.Errorf("giving back: %w", err))
				}
			})
		}
		all.Wait()
		pass(time.Minute)
		s.want("taken in the end", []int{0, 0}, []int{s.taken("x"), s.taken("y")})
	})
}
