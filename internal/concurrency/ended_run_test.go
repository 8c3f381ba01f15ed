package concurrency_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
)

// lagging is a store whose cached version of a run is older than the run.
type lagging struct {
	*flaky

	old map[string]*taskrun.Run
}

func (l lagging) Known(id string) *taskrun.Run {
	if run := l.old[id]; run != nil {
		return run
	}
	return l.flaky.Known(id)
}

// take leases a slot of tag:a to a run, without an expiration.
var take = map[string]func(s *fixture, limits *concurrency.Service, run string) error{
	"increment": func(s *fixture, limits *concurrency.Service, run string) error {
		_, err := limits.AcquireForRun(s.t.Context(), []string{"a"}, run)
		return err
	},
	"reset": func(s *fixture, limits *concurrency.Service, run string) error {
		return limits.Reset(s.t.Context(), "tag:a", []string{run})
	},
}

// end ends a run.
var end = map[string]func(s *fixture, runs *usecase.Service, run string) error{
	"finished": func(s *fixture, runs *usecase.Service, run string) error {
		_, err := runs.SetState(s.t.Context(), run, taskrun.Proposal{Type: orchestration.Completed})
		return err
	},
	"deleted": func(s *fixture, runs *usecase.Service, run string) error { return runs.Delete(s.t.Context(), run) },
}

// A slot without an expiration is free after the end of its run, with any difference
// between the clocks of the writers.
func TestSlot_ofFinishedRunIsFreeWithAnySkew(t *testing.T) {
	t.Parallel()
	for skewName, skew := range map[string]time.Duration{"equal": 0, "behind": -time.Hour, "ahead": time.Hour} {
		for takeName, take := range take {
			for endName, end := range end {
				t.Run(takeName+", "+endName+" by a clock "+skewName, func(t *testing.T) {
					t.Parallel()
					inBubble(t, func(s *fixture) {
						s.limit("tag:a", 1)
						other := usecase.New(usecase.Options{Namespace: "default", Store: s.runs, Clock: offsetclock.New(skew)})
						run, limits := s.run(), s.replicas[0].limits
						s.set(0, run, orchestration.Running)
						if err := take(s, limits, run); err != nil {
							s.t.Fatal(err)
						}
						pass(time.Second)
						s.want("while the run is running", "", s.acquire(1, lease(1, "tag:a")))
						if err := end(s, other, run); err != nil {
							s.t.Fatal(err)
						}
						s.want("shown after the end", 0, s.taken("tag:a"))
						if err := s.replicas[1].limits.Sweep(s.t.Context()); err != nil {
							s.t.Fatal(err)
						}
						all, err := s.limits.List(s.t.Context())
						if err != nil || len(all[0].Leases) != 0 {
							s.t.Errorf("after a sweep, %v hold slots, error %v", all[0].Leases, err)
						}
						if s.acquire(0, lease(1, "tag:a")) == "" {
							s.t.Error("the slot is not free")
						}
					})
				})
			}
		}
	}
}

// A replica whose index still has the end of an earlier attempt does not release the
// slot of the next attempt.
func TestSlot_ofRestartedRunIsKeptByReplicaWithOldVersion(t *testing.T) {
	t.Parallel()
	for skewName, skew := range map[string]time.Duration{"equal": 0, "behind": -time.Hour, "ahead": time.Hour} {
		t.Run(skewName, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("tag:a", 1)
				run := s.run()
				_, err := usecase.New(usecase.Options{Namespace: "default", Store: s.runs, Clock: offsetclock.New(skew)}).
					SetState(s.t.Context(), run, taskrun.Proposal{Type: orchestration.Failed})
				if err != nil {
					s.t.Fatal(err)
				}
				old := lagging{s.runs, map[string]*taskrun.Run{run: s.runs.Known(run)}}
				behind := concurrency.New(concurrency.Options{Namespace: "default", Store: s.limits, Runs: old, Clock: clock.RealClock{}})
				if _, err := s.replicas[0].runs.SetState(s.t.Context(), run, taskrun.Proposal{Type: orchestration.Running, Force: true}); err != nil {
					s.t.Fatal(err)
				}
				if _, err := s.replicas[0].limits.AcquireForRun(s.t.Context(), []string{"a"}, run); err != nil {
					s.t.Fatal(err)
				}
				if err := behind.Sweep(s.t.Context()); err != nil {
					s.t.Fatal(err)
				}
				s.want("taken", 1, s.taken("tag:a"))
				s.want("another", "", s.acquire(0, lease(1, "tag:a")))
			})
		})
	}
}

// counting counts the reads of runs.
type counting struct {
	*flaky

	reads int
}

func (c *counting) Reload(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	c.reads++
	return c.flaky.Reload(ctx, run)
}

// Many runs that end together are read in several transactions.
func TestBeginTx_readsManyFinishedRunsInSeveralTransactions(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		const many = 250
		s.limit("tag:a", many)
		runs := &counting{flaky: s.runs}
		limits := concurrency.New(concurrency.Options{Namespace: "default", Store: s.limits, Runs: runs, Clock: clock.RealClock{}})
		ids := make([]string, many)
		for i := range ids {
			ids[i] = s.run()
			s.set(0, ids[i], orchestration.Completed)
		}
		if err := limits.Reset(s.t.Context(), "tag:a", ids); err != nil {
			s.t.Fatal(err)
		}
		for _, left := range []int{many - 100, many - 200, 0} {
			before := runs.reads
			if err := limits.Sweep(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
			all, err := s.limits.List(s.t.Context())
			if err != nil || len(all[0].Leases) != left || runs.reads-before > 100 {
				s.t.Errorf("%d hold slots after %d reads, want %d; error %v", len(all[0].Leases), runs.reads-before, left, err)
			}
		}
	})
}

// An unknown run can belong to another server, and holds its slot.
func TestSlot_ofUnknownRunIsHeld(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 1)
		if _, err := s.replicas[0].limits.AcquireForRun(s.t.Context(), []string{"a"}, "0198a1b2-0000-7000-8000-00000000000a"); err != nil {
			s.t.Fatal(err)
		}
		pass(time.Hour)
		s.want("taken", 1, s.taken("tag:a"))
		s.want("another", "", s.acquire(1, lease(1, "tag:a")))
	})
}

var _ concurrency.Runs = (*memory.Store)(nil)
