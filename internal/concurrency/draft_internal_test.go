package concurrency

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// noRuns knows no run.
type noRuns struct{ Runs }

func (noRuns) Known(string) *taskrun.Run { return nil }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func draftOf(l *Limit) *draft {
	return &draft{Limit: l.clone(), now: epoch, runs: noRuns{}, gone: map[string]bool{}}
}

// manyHoldings are leases without an end.
func manyHoldings(n int) (all []Holding) {
	for i := range n {
		all = append(all, Holding{ID: strconv.Itoa(i), Slots: 1, Since: epoch})
	}
	return all
}

func TestALimitHasRoomForAsManyHoldingsAsCanBeStored(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		slots, holdings, asked int
		want                   bool
	}{
		"the last slot is free":                       {slots: 3, holdings: 2, asked: 1, want: true},
		"all slots are taken":                         {slots: 3, holdings: 3, asked: 1},
		"more are asked for than are free":            {slots: 3, holdings: 2, asked: 2},
		"the last holding that can be stored":         {slots: 2 * MaxHoldings, holdings: MaxHoldings - 1, asked: 1, want: true},
		"slots are free, but no holding can be added": {slots: 2 * MaxHoldings, holdings: MaxHoldings, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := draftOf(&Limit{Slots: tt.slots, Holdings: manyHoldings(tt.holdings)})
			if got := d.fits(tt.asked); got != tt.want {
				t.Errorf("%d of %d slots are taken, %d more fit: %t, want %t", tt.holdings, tt.slots, tt.asked, got, tt.want)
			}
		})
	}
}

func TestALeaseIsTornOnlyAfterItsTakerGaveUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		names []string
		age   time.Duration
		want  bool
	}{
		"over two limits, as old as a taker can be": {names: []string{"x", "y"}, age: tearTime, want: true},
		"over two limits, younger":                  {names: []string{"x", "y"}, age: tearTime - 1},
		"over one limit":                            {age: 24 * time.Hour},
		"over one limit that its lease names":       {names: []string{"x"}, age: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := draftOf(&Limit{}).canBeTorn(&Holding{Names: tt.names, Since: epoch.Add(-tt.age)}); got != tt.want {
				t.Errorf("can be torn: %t, want %t", got, tt.want)
			}
		})
	}
}

func TestAHoldingOfTheSameIDTakesThePlaceOfTheFirst(t *testing.T) {
	t.Parallel()
	for index := range 3 {
		d := draftOf(&Limit{Slots: 9, Holdings: manyHoldings(3)})
		d.hold(Holding{ID: strconv.Itoa(index), Slots: 2, Since: epoch.Add(time.Hour)})
		want := manyHoldings(3)
		want[index].Slots = 2
		if diff := cmp.Diff(want, d.Holdings); diff != "" || !d.changed {
			t.Errorf("holdings (-want +got), changed %t:\n%s", d.changed, diff)
		}
	}
}

func TestAReleaseGivesDecayingSlotsBackAtOnce(t *testing.T) {
	t.Parallel()
	claim := Holding{ID: "run/state", Slots: 1, Holder: "run", StateID: "state", Since: epoch}
	for name, tt := range map[string]struct {
		limit     Limit
		release   string
		wantTaken float64
	}{
		"of a limit whose slots decay":                 {Limit{Decay: 0.5, Loose: Loose{Slots: 3, At: epoch}, Holdings: manyHoldings(1)}, "0", 2},
		"of a limit whose slots do not":                {Limit{Loose: Loose{Slots: 3, At: epoch}, Holdings: manyHoldings(1)}, "0", 3},
		"a claim has no decaying slot":                 {Limit{Decay: 0.5, Loose: Loose{Slots: 3, At: epoch}, Holdings: []Holding{claim}}, "run/state", 3},
		"a lease that is not there changes no slot":    {Limit{Decay: 0.5, Loose: Loose{Slots: 3, At: epoch}, Holdings: manyHoldings(1)}, "other", 3},
		"the others of a limit without decay are kept": {Limit{Holdings: manyHoldings(3)}, "1", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := draftOf(&tt.limit)
			d.release(tt.release)
			there := slices.ContainsFunc(tt.limit.Holdings, func(h Holding) bool { return h.ID == tt.release })
			if got := d.taken(); got != tt.wantTaken || d.changed != there {
				t.Errorf("%v slots are taken, want %v; changed %t", got, tt.wantTaken, d.changed)
			}
		})
	}
}

func TestAHoldingCountsAmongTheDecayingSlotsOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decay     float64
		claim     bool
		wantLoose float64
	}{
		"a lease of a limit whose slots decay":  {decay: 0.5, wantLoose: 2},
		"a lease of a limit whose slots do not": {},
		"a claim of a limit whose slots decay":  {decay: 0.5, claim: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := draftOf(&Limit{Slots: 9, Decay: tt.decay})
			h := Holding{ID: "a", Slots: 2, Since: epoch}
			wantTaken := 2.0
			if tt.claim {
				h.StateID, wantTaken = "state", 1
			}
			d.hold(h)
			if d.Loose.Slots != tt.wantLoose || d.taken() != wantTaken {
				t.Errorf("%v decaying slots and %v taken, want %v and %v", d.Loose.Slots, d.taken(), tt.wantLoose, wantTaken)
			}
		})
	}
}

func TestOnlyHoldingsHaveTimesThatDiffer(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: stillClock{}, Runs: noRuns{}})
	for name, tt := range map[string]struct {
		holdings []Holding
		received time.Time
		want     bool
	}{
		"another clock wrote holdings":         {manyHoldings(1), epoch.Add(time.Minute), true},
		"another clock wrote no holdings":      {nil, epoch.Add(time.Minute), false},
		"the clocks are equal":                 {manyHoldings(1), epoch, false},
		"a write that was delivered in time":   {manyHoldings(1), epoch.Add(2 * time.Second), false},
		"a write that was delivered too late":  {manyHoldings(1), epoch.Add(2*time.Second + 1), true},
		"the largest difference of two clocks": {manyHoldings(1), epoch.Add(10 * time.Minute), true},
		"a larger one is none of clocks":       {manyHoldings(1), epoch.Add(10*time.Minute + 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := s.newDraft(&Limit{Holdings: tt.holdings, Updated: epoch, Received: tt.received})
			if d.shifted != tt.want {
				t.Errorf("shifted: %t, want %t", d.shifted, tt.want)
			}
			if len(tt.holdings) > 0 && d.Holdings[0].Since.Equal(epoch) == tt.want {
				t.Errorf("since %s", d.Holdings[0].Since)
			}
		})
	}
}
