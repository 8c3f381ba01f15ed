package concurrency

import (
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

// Two replicas acquire slots of a limit alternately, one slot per second. One slot
// decays per second, so the number of used slots is the same at the end.
func TestAnonymousSlots_decayOnceWithAnySkew(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"equal": 0, "ahead": 5 * time.Minute, "behind": -5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			l := &Limit{Slots: 100, Decay: 1, Anonymous: AnonymousSlots{Slots: 50, UpdatedAt: begin.Add(max(skew, 0))}}
			for second := range 60 {
				now := begin.Add(time.Duration(second+1) * time.Second)
				if second%2 == 1 {
					now = now.Add(skew)
				}
				l.addAnonymous(1, now)
			}
			if taken := l.Anonymous.Slots; taken < 48 || taken > 52 {
				t.Errorf("%v slots are taken, want 50", taken)
			}
		})
	}
}

func TestAddAnonymous_ignoresTimeBeyondMaxSkew(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := &Limit{Slots: 100, Decay: 1, Anonymous: AnonymousSlots{Slots: 50, UpdatedAt: now.Add(time.Hour)}}
	l.addAnonymous(1, now)
	if got := l.anonymousSlots(now.Add(10 * time.Second)); got != 41 {
		t.Errorf("%v slots are taken after 10 seconds, want 41", got)
	}
}

// A time that is further ahead is not from a replica, and is dropped.
func TestAddAnonymous_keepsLaterTimeWithinMaxSkew(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct{ ahead, want time.Duration }{
		"an earlier time":            {ahead: -time.Second, want: 0},
		"the same time":              {ahead: 0, want: 0},
		"a time after":               {ahead: 1, want: 1},
		"the maximum skew":           {ahead: 10 * time.Minute, want: 10 * time.Minute},
		"more than the maximum skew": {ahead: 10*time.Minute + 1, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &Limit{Slots: 100, Anonymous: AnonymousSlots{Slots: 50, UpdatedAt: now.Add(tt.ahead)}}
			l.addAnonymous(1, now)
			if want := now.Add(tt.want); !l.Anonymous.UpdatedAt.Equal(want) || l.Anonymous.Slots != 51 {
				t.Errorf("%v slots decay from %s on, want 51 from %s", l.Anonymous.Slots, l.Anonymous.UpdatedAt, want)
			}
		})
	}
}

func TestRecordOccupancy_movesSlowerWithMoreSlots(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		slots               int
		average, seen, want float64
	}{
		"a limit without slots":    {0, 2, 8, 5},
		"a limit with one slot":    {1, 2, 8, 5},
		"a limit with three slots": {3, 2, 8, 3},
		"a shorter occupancy":      {2, 8, 4, 7},
		"an equal occupancy":       {2, 8, 8, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &Limit{Slots: tt.slots, Occupancy: tt.average}
			if l.recordOccupancy(tt.seen); l.Occupancy != tt.want {
				t.Errorf("average %v, want %v", l.Occupancy, tt.want)
			}
		})
	}
}

func TestRetryAfter_isBetweenHalfASecondAndASecond(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if after := retryAfter(); after < 500*time.Millisecond || after >= time.Second {
			t.Fatalf("after %s", after)
		}
	}
}

func TestDeny_ignoresZeroSlots(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: testingclock.NewFakePassiveClock(time.Unix(0, 0))})
	s.deny("x", 0)
	if len(s.denied) != 0 {
		t.Errorf("denied: %v", s.denied)
	}
	s.deny("x", 2)
	s.deny("x", 1)
	if got := s.deniedOf("x"); got != 3 || len(s.denied) != 0 {
		t.Errorf("denied %d, want 3; left: %v", got, s.denied)
	}
}
