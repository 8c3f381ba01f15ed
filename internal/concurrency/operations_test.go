package concurrency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// operations release or renew slots of a lease on x and of a run on tag:a.
var operations = map[string]func(ctx context.Context, limits *concurrency.Service, leaseID string) error{
	"release": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.Release(ctx, concurrency.Released{Names: []string{"x"}, Slots: 1})
		return err
	},
	"release of a lease": func(ctx context.Context, limits *concurrency.Service, leaseID string) error {
		return limits.ReleaseLease(ctx, leaseID)
	},
	"release for a run": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.ReleaseForRun(ctx, []string{"a"}, "run")
		return err
	},
	"acquire for a run": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.AcquireForRun(ctx, []string{"a"}, "another")
		return err
	},
	"end of a claim": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		return limits.ReleaseClaim(ctx, taskrun.Claim{RunID: "claimer", StateID: "state", Tags: []string{"a"}})
	},
	"acquire": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, _, err := limits.Acquire(ctx, lease(1, "x"))
		return err
	},
	"claim": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.Take(ctx, taskrun.Claim{RunID: "claimer", StateID: "next", Tags: []string{"a"}})
		return err
	},
}

// A limit that was deleted has no slots to release. A failed write is an error.
func TestOperations_failIfWriteFailsButNotIfLimitWasDeleted(t *testing.T) {
	t.Parallel()
	for name, operation := range operations {
		for what, tt := range map[string]struct{ write, list, want error }{
			"succeeds":                    {},
			"the limit was deleted":       {write: taskrun.ErrNotFound},
			"the limit cannot be written": {write: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
			"nothing can be read":         {list: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(s *fixture) {
					s.limit("x", 9)
					s.limit("tag:a", 9)
					limits, store := s.overFaulty()
					id := s.acquire(0, lease(1, "x"))
					if _, err := limits.AcquireForRun(s.t.Context(), []string{"a"}, "run"); err != nil {
						s.t.Fatal(err)
					}
					if _, err := limits.Take(s.t.Context(), taskrun.Claim{RunID: "claimer", StateID: "state", Tags: []string{"a"}}); err != nil {
						s.t.Fatal(err)
					}
					store.errs["list"] = tt.list
					store.write = func(_ int, _ string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
						if tt.write != nil {
							return nil, tt.write
						}
						return do()
					}
					if err := operation(s.t.Context(), limits, id); !errors.Is(err, tt.want) {
						s.t.Errorf("error %v, want %v", err, tt.want)
					}
				})
			})
		}
	}
}

func TestRelease_recordsOccupancyPerSlot(t *testing.T) {
	t.Parallel()
	const usual = concurrency.UsualOccupancy // of a limit with two slots, where each measured time has a weight of a quarter
	for name, tt := range map[string]struct {
		use  func(s *fixture, limits *concurrency.Service) error
		want float64
	}{
		"slots released with their occupancy": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.Release(s.t.Context(), concurrency.Released{Names: []string{"tag:a"}, Slots: 2, Occupancy: new(20 * time.Second)})
			return err
		}, usual + (10-usual)/4},
		"slots released without an occupancy": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.Release(s.t.Context(), concurrency.Released{Names: []string{"tag:a"}, Slots: 2})
			return err
		}, usual},
		"no slots released": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.Release(s.t.Context(), concurrency.Released{Names: []string{"tag:a"}, Occupancy: new(20 * time.Second)})
			return err
		}, usual},
		"a lease": {func(s *fixture, limits *concurrency.Service) error {
			id := s.acquire(0, lease(2, "tag:a"))
			pass(10 * time.Second)
			return limits.ReleaseLease(s.t.Context(), id)
		}, usual + (10-usual)/4},
		"a run": {func(s *fixture, limits *concurrency.Service) error {
			if _, err := limits.AcquireForRun(s.t.Context(), []string{"a"}, "run"); err != nil {
				return err
			}
			pass(10 * time.Second)
			_, err := limits.ReleaseForRun(s.t.Context(), []string{"a"}, "run")
			return err
		}, usual + (10-usual)/4},
		"a run without slots": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.ReleaseForRun(s.t.Context(), []string{"a"}, "run")
			return err
		}, usual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("tag:a", 2)
				limits := s.replicas[0].limits
				if err := tt.use(s, limits); err != nil {
					s.t.Fatal(err)
				}
				if got := s.view(limits, "tag:a"); got.AvgSlotOccupancySeconds != tt.want || got.ActiveSlots != 0 {
					s.t.Errorf("average %v with %d slots taken, want %v with none", got.AvgSlotOccupancySeconds, got.ActiveSlots, tt.want)
				}
			})
		})
	}
}

func TestAcquireForRun_acquiresAllTagsOrNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 2)
		s.limit("tag:b", 1)
		s.limit("tag:none", 0)
		limits := s.replicas[0].limits
		if err := limits.Update(s.t.Context(), concurrency.Key{Name: "tag:none"}, concurrency.Change{Active: new(false)}); err != nil {
			s.t.Fatal(err)
		}
		slots := func() []int { return []int{s.taken("tag:a"), s.taken("tag:b")} }
		for range 2 { // the second time it already holds them
			views, err := limits.AcquireForRun(s.t.Context(), []string{"b", "a", "free", "none"}, "run")
			if err != nil || len(views) != 2 {
				s.t.Fatalf("limits %v, error %v, want those of a and b", views, err)
			}
			s.want("taken", []int{1, 1}, slots())
		}
		_, err := limits.AcquireForRun(s.t.Context(), []string{"a", "b"}, "second")
		if locked, ok := errors.AsType[*concurrency.LockedError](err); !ok || locked.Tag != "b" || locked.Never || locked.RetryAfter <= 0 {
			s.t.Errorf("error %#v, want locked by b", err)
		}
		s.want("taken after a denial", []int{1, 1}, slots())
		s.want("denied", 1, s.view(limits, "tag:b").DeniedSlots)
		if err := limits.Update(s.t.Context(), concurrency.Key{Name: "tag:none"}, concurrency.Change{Active: new(true)}); err != nil {
			s.t.Fatal(err)
		}
		_, err = limits.AcquireForRun(s.t.Context(), []string{"a", "none"}, "third")
		if locked, ok := errors.AsType[*concurrency.LockedError](err); !ok || locked.Tag != "none" || !locked.Never {
			s.t.Errorf("error %#v, want locked for good by none", err)
		}
		views, err := limits.ReleaseForRun(s.t.Context(), []string{"a", "b", "none"}, "run")
		if err != nil || len(views) != 3 {
			s.t.Errorf("limits %v, error %v, want all three", views, err)
		}
		s.want("taken afterwards", []int{0, 0}, slots())
	})
}

// cached is a store whose cache lags until it is refreshed.
type cached struct {
	*faulty
	fresh bool
}

func (c *cached) List(ctx context.Context) ([]*concurrency.Limit, error) {
	all, err := c.faulty.List(ctx)
	if !c.fresh {
		for i, l := range all {
			stale := *l
			stale.Leases = nil
			all[i] = &stale
		}
	}
	return all, err
}

func (c *cached) Refresh(ctx context.Context) error {
	c.fresh = true
	return c.faulty.Refresh(ctx)
}

func TestLease_ofAnotherReplicaIsReadPastCache(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refresh error
		want    error
	}{
		"the store can be read":    {},
		"the store cannot be read": {refresh: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("x", 1)
				id := s.acquire(0, lease(1, "x"))
				_, store := s.overFaulty()
				store.errs["refresh"] = tt.refresh
				lagging := &cached{faulty: store}
				limits := concurrency.New(concurrency.Options{Namespace: "default", Store: lagging, Runs: s.runs, Clock: clock.RealClock{}})
				if err := limits.Renew(s.t.Context(), id, time.Hour); !errors.Is(err, tt.want) {
					s.t.Errorf("renewal: %v, want %v", err, tt.want)
				}
				lagging.fresh = false
				if err := limits.ReleaseLease(s.t.Context(), id); !errors.Is(err, tt.want) {
					s.t.Errorf("release: %v, want %v", err, tt.want)
				}
				s.want("taken", map[bool]int{true: 0, false: 1}[tt.want == nil], s.taken("x"))
			})
		})
	}
}
