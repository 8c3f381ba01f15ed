package concurrency_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// counted counts the writes of statuses, and can have several limits of one name.
type counted struct {
	*memory.Limits

	writes int
}

func (c *counted) UpdateUse(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	c.writes++
	return c.Limits.UpdateUse(ctx, l)
}

// store writes a limit to the store without the use cases.
func (c *counted) store(t *testing.T, id, name string, created time.Time) {
	t.Helper()
	_, err := c.Create(t.Context(), &concurrency.Limit{ID: id, Name: name, Created: created, Updated: created, Active: true, Slots: 2})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *counted) limit(t *testing.T, id string) *concurrency.Limit {
	t.Helper()
	l, err := c.Reload(t.Context(), &concurrency.Limit{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSweep_recordsLimitOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Limits: memory.NewLimits()}
		service := concurrency.New(concurrency.Options{Store: store, Runs: memory.New(), Clock: clock.RealClock{}})
		created := time.Now().UTC()
		store.store(t, "a", "x", created)
		for _, step := range []struct {
			name   string
			do     func() error
			writes int
		}{
			{"the first sweep", func() error { return service.Sweep(t.Context()) }, 1},
			{"the second sweep", func() error { return service.Sweep(t.Context()) }, 0},
			{"a lease", func() error {
				_, _, err := service.Acquire(t.Context(), concurrency.Acquisition{Names: []string{"x"}, Slots: 1, Lease: 10 * time.Second})
				return err
			}, 1},
			{"a sweep after it", func() error { return service.Sweep(t.Context()) }, 0},
			{"its end", func() error { return service.ReleaseLease(t.Context(), store.limit(t, "a").Leases[0].ID) }, 1},
			{"a sweep after that", func() error { return service.Sweep(t.Context()) }, 0},
		} {
			before := store.writes
			pass(time.Second)
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := store.writes - before; got != step.writes {
				t.Errorf("%s takes %d writes, want %d", step.name, got, step.writes)
			}
			if l := store.limit(t, "a"); step.name == "the second sweep" && (!l.Updated.Equal(created) || !l.Recorded.Since.Equal(created.Add(time.Second))) {
				t.Errorf("updated at %s, recorded at %s", l.Updated, l.Recorded.Since)
			}
		}
	})
}

// The first use of a limit records that it applies: no sweep has to.
func TestAcquire_recordsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Limits: memory.NewLimits()}
		service := concurrency.New(concurrency.Options{Store: store, Runs: memory.New(), Clock: clock.RealClock{}})
		store.store(t, "a", "x", time.Now())
		if _, _, err := service.Acquire(t.Context(), concurrency.Acquisition{Names: []string{"x"}, Slots: 1}); err != nil {
			t.Fatal(err)
		}
		if err := service.Sweep(t.Context()); err != nil || store.writes != 1 || store.limit(t, "a").Recorded.Since.IsZero() {
			t.Errorf("%d writes, error %v, %+v", store.writes, err, store.limit(t, "a").Recorded)
		}
	})
}

func TestSweep_oldestOfLimitsWithOneNameApplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counted{Limits: memory.NewLimits()}
		var stalled []string
		service := concurrency.New(concurrency.Options{
			Store: store, Runs: memory.New(), Clock: clock.RealClock{},
			OnStalled: func(l *concurrency.Limit) { stalled = append(stalled, l.ID) },
		})
		now := time.Now()
		long := strings.Repeat("n", 253)
		store.store(t, "young", "tag:x", now.Add(time.Second))
		store.store(t, long, "tag:x", now)
		store.store(t, "youngest", "tag:x", now.Add(2*time.Second))
		sweep := func() {
			t.Helper()
			if err := service.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		sweep()
		slices.Sort(stalled)
		if !slices.Equal(stalled, []string{"young", "youngest"}) || store.writes != 3 {
			t.Errorf("stalled: %q, %d writes", stalled, store.writes)
		}
		for id, stalled := range map[string]bool{"young": true, long: false, "youngest": true} {
			if got := store.limit(t, id).Recorded.Stalled; (got != "") != stalled || len(got) > 256 {
				t.Errorf("%.10s: stalled because of %q", id, got)
			}
		}
		sweep()
		if store.writes != 3 || len(stalled) != 2 {
			t.Errorf("%d writes, stalled: %q", store.writes, stalled)
		}
		if err := store.Delete(t.Context(), store.limit(t, long)); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		sweep()
		young, youngest := store.limit(t, "young").Recorded, store.limit(t, "youngest").Recorded
		if young.Stalled != "" || !young.Since.Equal(now.UTC().Add(time.Minute)) {
			t.Errorf("the one that applies now: %+v", young)
		}
		want := "ConcurrencyLimit young is older and has the same tag. Change spec.tag, or delete one of the two."
		if youngest.Stalled != want || !youngest.Since.Equal(now.UTC()) {
			t.Errorf("the other one: %+v", youngest)
		}
	})
}

func TestSweep_recordsDecayedSlots(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		if _, err := limits.Create(s.t.Context(), concurrency.NewLimit{Name: "rate", Active: true, Limit: 4, SlotDecayPerSecond: 0.5}); err != nil {
			s.t.Fatal(err)
		}
		if _, _, err := limits.Acquire(s.t.Context(), concurrency.Acquisition{Names: []string{"rate"}, Slots: 4}); err != nil {
			s.t.Fatal(err)
		}
		for _, step := range []struct {
			after             time.Duration
			shown, wantWrites int
		}{{0, 4, 0}, {2 * time.Second, 3, 1}, {time.Minute, 0, 1}, {time.Minute, 0, 0}} {
			before := store.writes
			pass(step.after)
			if err := limits.Sweep(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
			all, err := s.limits.List(s.t.Context())
			if err != nil || all[0].ReportedActive != step.shown || store.writes-before != step.wantWrites {
				s.t.Errorf("%d are shown after %d writes, want %d after %d; error %v", all[0].ReportedActive, store.writes-before, step.shown, step.wantWrites, err)
			}
		}
	})
}

func TestSweeper_logsFailuresUnlessStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err      error
		ended    bool
		wantLogs int
	}{
		"sweeps succeed":           {},
		"sweeps fail":              {err: taskrun.ErrUnavailable, wantLogs: 3},
		"sweeps fail when stopped": {err: taskrun.ErrUnavailable, ended: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				limits, store := s.overFaulty()
				ctx, end := context.WithCancel(s.t.Context())
				defer end()
				store.errs["list"] = tt.err
				var log bytes.Buffer
				sweeper := &concurrency.Sweeper{
					Namespaces: func() []string {
						if tt.ended {
							end()
						}
						return []string{"default"}
					},
					Service: func(string) *concurrency.Service { return limits }, Interval: time.Minute,
					Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				}
				ended := make(chan error)
				go func() { ended <- sweeper.Start(ctx) }()
				pass(3*time.Minute + time.Second)
				end()
				if err := <-ended; err != nil {
					s.t.Error(err)
				}
				if got := strings.Count(log.String(), "\n"); got != tt.wantLogs || store.calls["list"] == 0 {
					s.t.Errorf("%d lines after %d sweeps, want %d:\n%s", got, store.calls["list"], tt.wantLogs, log.String())
				}
			})
		})
	}
}
