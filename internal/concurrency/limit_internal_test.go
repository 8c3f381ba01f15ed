package concurrency

import (
	"testing"
	"time"
)

// Two replicas take slots of a limit in turn, one slot a second. Of 100 slots, of
// which one decays each second, as many are taken at the end as at the beginning.
func TestSlotsDecayOnceWhateverTheClocks(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"equal": 0, "ahead": 5 * time.Minute, "behind": -5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			l := &Limit{Slots: 100, Decay: 1, Loose: Loose{Slots: 50, At: begin.Add(max(skew, 0))}}
			for second := range 60 {
				now := begin.Add(time.Duration(second+1) * time.Second)
				if second%2 == 1 {
					now = now.Add(skew)
				}
				l.addLoose(1, now)
			}
			if taken := l.Loose.Slots; taken < 48 || taken > 52 {
				t.Errorf("%v slots are taken, want 50", taken)
			}
		})
	}
}

func TestATimeFarAheadDoesNotStay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := &Limit{Slots: 100, Decay: 1, Loose: Loose{Slots: 50, At: now.Add(time.Hour)}}
	l.addLoose(1, now)
	if got := l.loose(now.Add(10 * time.Second)); got != 41 {
		t.Errorf("%v slots are taken after 10 seconds, want 41", got)
	}
}
