package concurrency_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
)

// delivered is the store of one replica. It records when the replica received each
// write, by the replica's clock.
type delivered struct {
	*memory.Limits

	clock    *offsetclock.Clock
	peers    []*delivered // all replicas, this one too
	received map[string]time.Time
	before   func() // called before each write
}

func (d *delivered) stamp(l *concurrency.Limit) *concurrency.Limit {
	stamped := *l
	stamped.Received = d.received[l.ID]
	return &stamped
}

func (d *delivered) List(ctx context.Context) ([]*concurrency.Limit, error) {
	all, err := d.Limits.List(ctx)
	for i, l := range all {
		all[i] = d.stamp(l)
	}
	return all, err
}

func (d *delivered) Reload(ctx context.Context, stale *concurrency.Limit) (*concurrency.Limit, error) {
	l, err := d.Limits.Reload(ctx, stale)
	if err != nil {
		return nil, err
	}
	return d.stamp(l), nil
}

func (d *delivered) UpdateUse(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	d.before()
	l, err := d.Limits.UpdateUse(ctx, l)
	if err != nil {
		return nil, err
	}
	for _, peer := range d.peers {
		peer.received[l.ID] = peer.clock.Now()
	}
	return d.stamp(l), nil
}

// inBubbleWithSkew runs a test with two replicas, of which the second has a clock that differs.
func inBubbleWithSkew(t *testing.T, skew time.Duration, script func(s *fixture, first, second *delivered)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		limits, runs := memory.NewLimits(), &flaky{Store: memory.New(), fate: func() fate { return fate{} }}
		s := &fixture{t: t, runs: runs, limits: limits}
		peers := []*delivered{{clock: offsetclock.New(0)}, {clock: offsetclock.New(skew)}}
		for _, d := range peers {
			d.Limits, d.peers, d.received, d.before = limits, peers, map[string]time.Time{}, func() {}
			s.replicas = append(s.replicas, replica{limits: concurrency.New(concurrency.Options{
				Namespace: "default", Store: d, Runs: runs, Clock: d.clock,
			})})
		}
		script(s, peers[0], peers[1])
	})
}

var skews = map[string]time.Duration{
	"equal": 0, "a little ahead": time.Second, "ahead": 5 * time.Minute, "behind": -5 * time.Minute, "far ahead": 10*time.Minute - time.Second,
}

func (s *fixture) sweep(n int) {
	s.t.Helper()
	if err := s.replicas[n].limits.Sweep(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *fixture) takenAt(n int, name string) int {
	s.t.Helper()
	view, err := s.replicas[n].limits.Get(s.t.Context(), concurrency.Key{Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return view.ActiveSlots
}

// A lease keeps its TTL, whichever replicas write the limit.
func TestLease_lastsWithAnySkew(t *testing.T) {
	t.Parallel()
	for name, skew := range skews {
		for owner := range 2 {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				inBubbleWithSkew(t, skew, func(s *fixture, _, _ *delivered) {
					s.limit("x", 3)
					id := s.acquire(owner, lease(2, "x"))
					for range 3 { // 45 s
						for n := range 2 {
							s.sweep(n)
							if other := s.acquire(n, lease(1, "x")); other == "" {
								s.t.Fatal("no free slot")
							} else if err := s.replicas[1-n].limits.ReleaseLease(s.t.Context(), other); err != nil {
								s.t.Fatal(err)
							}
							s.want("taken", 2, s.takenAt(n, "x"))
							s.want("more than are free", "", s.acquire(n, lease(2, "x")))
						}
						pass(15 * time.Second)
					}
					if err := s.replicas[1-owner].limits.Renew(s.t.Context(), id, time.Minute); err != nil {
						s.t.Fatal(err)
					}
					pass(55 * time.Second)
					s.want("taken before the end", []int{2, 2}, []int{s.takenAt(0, "x"), s.takenAt(1, "x")})
					pass(7 * time.Second)
					s.want("taken after the end", []int{0, 0}, []int{s.takenAt(0, "x"), s.takenAt(1, "x")})
				})
			})
		}
	}
}

// A replica whose clock is ahead does not count a lease as partial during its
// acquisition.
func TestLease_beingAcquiredIsNotPartial(t *testing.T) {
	t.Parallel()
	for name, skew := range skews {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubbleWithSkew(t, skew, func(s *fixture, first, _ *delivered) {
				s.limit("x", 1)
				s.limit("y", 1)
				writes := 0
				first.before = func() {
					if writes++; writes == 2 { // x is taken, y is not yet
						s.sweep(1)
					}
				}
				s.acquire(0, lease(1, "x", "y"))
				first.before = func() {}
				s.want("taken", []int{1, 1}, []int{s.takenAt(1, "x"), s.takenAt(1, "y")})
			})
		})
	}
}
