package concurrency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// faulty is a store of limits that can fail. It calls write in place of each write of the used slots. Other operations
// return the error that errs has under their names. It calls terms before each write of terms.
type faulty struct {
	*memory.Limits

	writes int
	write  func(n int, name string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error)
	errs   map[string]error
	terms  func(n int) error
	calls  map[string]int
}

func (f *faulty) UpdateUse(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	f.writes++
	return f.write(f.writes, l.Name, func() (*concurrency.Limit, error) { return f.Limits.UpdateUse(ctx, l) })
}

func (f *faulty) err(operation string) error {
	f.calls[operation]++
	return f.errs[operation]
}

func (f *faulty) List(ctx context.Context) ([]*concurrency.Limit, error) {
	if err := f.err("list"); err != nil {
		return nil, err
	}
	return f.Limits.List(ctx)
}

func (f *faulty) Create(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	if err := f.err("create"); err != nil {
		return nil, err
	}
	return f.Limits.Create(ctx, l)
}

func (f *faulty) UpdateTerms(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	f.calls["terms"]++
	if err := f.terms(f.calls["terms"]); err != nil {
		return nil, err
	}
	return f.Limits.UpdateTerms(ctx, l)
}

func (f *faulty) Reload(ctx context.Context, stale *concurrency.Limit) (*concurrency.Limit, error) {
	if err := f.err("reload"); err != nil {
		return nil, err
	}
	return f.Limits.Reload(ctx, stale)
}

func (f *faulty) Refresh(ctx context.Context) error {
	return errors.Join(f.err("refresh"), f.Limits.Refresh(ctx))
}

func (f *faulty) Delete(ctx context.Context, l *concurrency.Limit) error {
	if err := f.err("delete"); err != nil {
		return err
	}
	return f.Limits.Delete(ctx, l)
}

func doWrite(_ int, _ string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
	return do()
}

// overFaulty returns a replica on the stores of the fixture, with limits that can fail.
func (s *fixture) overFaulty() (*concurrency.Service, *faulty) {
	f := &faulty{
		Limits: s.limits, write: doWrite, errs: map[string]error{}, calls: map[string]int{},
		terms: func(int) error { return nil },
	}
	return concurrency.New(concurrency.Options{Namespace: "default", Store: f, Runs: s.runs, Clock: clock.RealClock{}}), f
}

func TestChange_returnsConflictAfterMaxAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 1)
		limits, store := s.overFaulty()
		store.write = func(int, string, func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
			return nil, taskrun.ErrConflict
		}
		began := time.Now()
		if _, _, err := limits.Acquire(s.t.Context(), lease(1, "x")); !errors.Is(err, taskrun.ErrConflict) {
			s.t.Errorf("error %v, want ErrConflict", err)
		}
		// Each attempt is followed by a pause of at most 50 ms. The rollback writes nothing.
		if took := time.Since(began); store.writes != 40 || took == 0 || took > 2*time.Second {
			s.t.Errorf("%d writes in %s, want 40 with pauses", store.writes, took)
		}
	})
}

func TestChange_doesNotRetryFailedWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 1)
		limits, store := s.overFaulty()
		store.write = func(int, string, func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
			return nil, taskrun.ErrUnavailable
		}
		if err := limits.Reset(s.t.Context(), "x", nil); !errors.Is(err, taskrun.ErrUnavailable) || store.writes != 1 {
			s.t.Errorf("error %v after %d writes, want ErrUnavailable after 1", err, store.writes)
		}
	})
}

// A denied request is counted with the next write. If that write fails, the count is kept for the following one.
func TestDenied_countsEachRequestOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 3)
		limits, store := s.overFaulty()
		denied := func() int {
			s.t.Helper()
			view, err := limits.Get(s.t.Context(), concurrency.Key{Name: "x"})
			if err != nil {
				s.t.Fatal(err)
			}
			return view.DeniedSlots
		}
		id, _, err := limits.Acquire(s.t.Context(), lease(2, "x"))
		if err != nil {
			s.t.Fatal(err)
		}
		if _, _, err := limits.Acquire(s.t.Context(), lease(2, "x")); err == nil {
			s.t.Fatal("more slots than there are")
		}
		s.want("denied, before a write", 2, denied())
		store.write = func(int, string, func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
			return nil, taskrun.ErrUnavailable
		}
		if err := limits.Renew(s.t.Context(), id, time.Minute); !errors.Is(err, taskrun.ErrUnavailable) {
			s.t.Fatal(err)
		}
		s.want("denied, after a write that failed", 2, denied())
		store.write = doWrite
		for range 2 {
			if err := limits.Renew(s.t.Context(), id, time.Minute); err != nil {
				s.t.Fatal(err)
			}
			s.want("denied, after a write", 2, denied())
		}
		all, err := s.limits.List(s.t.Context())
		if err != nil || all[0].Denied != 2 {
			s.t.Errorf("stored: %+v, error %v; want 2 denied", all[0], err)
		}
	})
}

// The response to the second of two writes is lost. Its result is unknown, so both are rolled back.
func TestAcquire_rollsBackAfterLostResponse(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]concurrency.Acquisition{"with a lease": lease(1, "x", "y"), "without a lease": {Names: []string{"x", "y"}, Slots: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("x", 1)
				s.limit("y", 1)
				limits, store := s.overFaulty()
				store.write = func(n int, _ string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
					l, err := do()
					if n == 2 {
						return nil, taskrun.ErrUnavailable
					}
					return l, err
				}
				if _, _, err := limits.Acquire(s.t.Context(), in); !errors.Is(err, taskrun.ErrUnavailable) {
					s.t.Fatalf("error %v, want ErrUnavailable", err)
				}
				s.want("taken of x and y", []int{0, 0}, []int{s.taken("x"), s.taken("y")})
			})
		})
	}
}

// After a longer time, another replica may have expired the lease as partial.
func TestAcquire_rollsBackIfTooSlow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		names    []string
		took     time.Duration
		wantHeld int
	}{
		"two limits within half of the time":        {[]string{"x", "y"}, 5 * time.Second, 1},
		"two limits in more than half of it":        {[]string{"x", "y"}, 5*time.Second + time.Microsecond, 0},
		"one limit, where the time does not matter": {[]string{"x"}, 8 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("x", 1)
				s.limit("y", 1)
				limits, store := s.overFaulty()
				store.write = func(n int, _ string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
					if n == 1 {
						pass(tt.took)
					}
					return do()
				}
				_, _, err := limits.Acquire(s.t.Context(), lease(1, tt.names...))
				if (err == nil) != (tt.wantHeld > 0) || (err != nil && !errors.Is(err, taskrun.ErrUnavailable)) {
					s.t.Errorf("error %v", err)
				}
				s.want("taken of x", tt.wantHeld, s.taken("x"))
			})
		})
	}
}

func TestAcquire_leaseOverOneLimitHasNoNames(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("x", 2)
		s.acquire(0, lease(1, "x", "without a limit"))
		all, err := s.limits.List(s.t.Context())
		if err != nil || len(all[0].Leases) != 1 || all[0].Leases[0].Names != nil {
			s.t.Errorf("limit %+v, error %v", all[0], err)
		}
	})
}

// The state of a first claim may have been written: the second claim of the run uses the same slot.
func TestTake_secondClaimOfRunUsesSameSlot(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 1)
		run, other := s.run("a"), s.run("a")
		for _, state := range []string{"first", "second", "second"} {
			claim := taskrun.Claim{RunID: run, StateID: state, Tags: []string{"a"}}
			if _, err := s.replicas[0].limits.Take(s.t.Context(), claim); err != nil {
				s.t.Errorf("%s claim: %v", state, err)
			}
		}
		s.want("taken", 1, s.taken("tag:a"))
		_, err := s.replicas[0].limits.Take(s.t.Context(), taskrun.Claim{RunID: other, StateID: "third", Tags: []string{"a"}})
		if !errors.Is(err, taskrun.ErrFull) {
			s.t.Errorf("claim of another run: %v, want ErrFull", err)
		}
	})
}

// A change of Recorded is not a change that clients see.
func TestSweep_keepsTimeOfLastUseWithoutChange(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		store := &counted{Limits: s.limits}
		created := time.Now().UTC()
		store.store(s.t, "a", "x", created)
		l := *store.limit(s.t, "a")
		l.Leases, l.ReportedActive = []concurrency.SlotLease{{ID: "lease", Slots: 1, Since: created}}, 1
		if _, err := store.UpdateUse(s.t.Context(), &l); err != nil {
			s.t.Fatal(err)
		}
		pass(time.Minute)
		if err := s.replicas[0].limits.Sweep(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		if l := store.limit(s.t, "a"); !l.Updated.Equal(created) || l.Recorded.Since.IsZero() || len(l.Leases) != 1 {
			s.t.Errorf("after a sweep: %+v", l)
		}
	})
}
