package concurrency

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// noRuns has no runs.
type noRuns struct{ Runs }

func (noRuns) Known(string) *taskrun.Run { return nil }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func txOf(l *Limit) *tx {
	return &tx{Limit: l.clone(), now: epoch, runs: noRuns{}, expiredIDs: map[string]bool{}}
}

// manyLeases returns leases without an expiration.
func manyLeases(n int) (all []SlotLease) {
	for i := range n {
		all = append(all, SlotLease{ID: strconv.Itoa(i), Slots: 1, Since: epoch})
	}
	return all
}

func TestFits_limitsSlotsAndNumberOfLeases(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		slots, leases, requested int
		want                     bool
	}{
		"the last slot is free":                     {slots: 3, leases: 2, requested: 1, want: true},
		"all slots are in use":                      {slots: 3, leases: 3, requested: 1},
		"the request exceeds the free slots":        {slots: 3, leases: 2, requested: 2},
		"the last lease that can be stored":         {slots: 2 * MaxLeases, leases: MaxLeases - 1, requested: 1, want: true},
		"slots are free, but no lease can be added": {slots: 2 * MaxLeases, leases: MaxLeases, requested: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := txOf(&Limit{Slots: tt.slots, Leases: manyLeases(tt.leases)})
			if got := d.fits(tt.requested); got != tt.want {
				t.Errorf("%d of %d slots are used, %d more fit: %t, want %t", tt.leases, tt.slots, tt.requested, got, tt.want)
			}
		})
	}
}

func TestCanBePartial_onlyAfterAcquireHasFailed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		names []string
		age   time.Duration
		want  bool
	}{
		"over two limits, at the limit of an acquisition": {names: []string{"x", "y"}, age: partialAfter, want: true},
		"over two limits, younger":                        {names: []string{"x", "y"}, age: partialAfter - 1},
		"over one limit":                                  {age: 24 * time.Hour},
		"over one limit with a list of names":             {names: []string{"x"}, age: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := txOf(&Limit{}).canBePartial(&SlotLease{Names: tt.names, Since: epoch.Add(-tt.age)}); got != tt.want {
				t.Errorf("can be partial: %t, want %t", got, tt.want)
			}
		})
	}
}

func TestAdd_replacesLeaseWithSameID(t *testing.T) {
	t.Parallel()
	for index := range 3 {
		d := txOf(&Limit{Slots: 9, Leases: manyLeases(3)})
		d.add(SlotLease{ID: strconv.Itoa(index), Slots: 2, Since: epoch.Add(time.Hour)})
		want := manyLeases(3)
		want[index].Slots = 2
		if diff := cmp.Diff(want, d.Leases); diff != "" || !d.useChanged {
			t.Errorf("leases (-want +got), changed %t:\n%s", d.useChanged, diff)
		}
	}
}

func TestRelease_freesDecayingSlotsAtOnce(t *testing.T) {
	t.Parallel()
	claim := SlotLease{ID: "run/state", Slots: 1, Holder: "run", StateID: "state", Since: epoch}
	for name, tt := range map[string]struct {
		limit    Limit
		release  string
		wantUsed float64
	}{
		"with decay":                              {Limit{Decay: 0.5, Anonymous: AnonymousSlots{Slots: 3, UpdatedAt: epoch}, Leases: manyLeases(1)}, "0", 2},
		"without decay":                           {Limit{Anonymous: AnonymousSlots{Slots: 3, UpdatedAt: epoch}, Leases: manyLeases(1)}, "0", 3},
		"a claim has no decaying slot":            {Limit{Decay: 0.5, Anonymous: AnonymousSlots{Slots: 3, UpdatedAt: epoch}, Leases: []SlotLease{claim}}, "run/state", 3},
		"an unknown lease changes no slot":        {Limit{Decay: 0.5, Anonymous: AnonymousSlots{Slots: 3, UpdatedAt: epoch}, Leases: manyLeases(1)}, "other", 3},
		"without decay, the other slots are kept": {Limit{Leases: manyLeases(3)}, "1", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := txOf(&tt.limit)
			d.release(tt.release)
			exists := slices.ContainsFunc(tt.limit.Leases, func(h SlotLease) bool { return h.ID == tt.release })
			if got := d.used(); got != tt.wantUsed || d.useChanged != exists {
				t.Errorf("%v slots are used, want %v; changed %t", got, tt.wantUsed, d.useChanged)
			}
		})
	}
}

func TestAdd_countsDecayingSlotsOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decay         float64
		claim         bool
		wantAnonymous float64
	}{
		"a lease with decay":    {decay: 0.5, wantAnonymous: 2},
		"a lease without decay": {},
		"a claim with decay":    {decay: 0.5, claim: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := txOf(&Limit{Slots: 9, Decay: tt.decay})
			h := SlotLease{ID: "a", Slots: 2, Since: epoch}
			wantUsed := 2.0
			if tt.claim {
				h.StateID, wantUsed = "state", 1
			}
			d.add(h)
			if d.Anonymous.Slots != tt.wantAnonymous || d.used() != wantUsed {
				t.Errorf("%v decaying slots and %v used slots, want %v and %v", d.Anonymous.Slots, d.used(), tt.wantAnonymous, wantUsed)
			}
		})
	}
}

func TestNewTx_shiftsTimesOfLeasesBySkew(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: testingclock.NewFakePassiveClock(time.Unix(0, 0)), Runs: noRuns{}})
	for name, tt := range map[string]struct {
		leases   []SlotLease
		received time.Time
		want     bool
	}{
		"another clock wrote leases":          {manyLeases(1), epoch.Add(time.Minute), true},
		"another clock wrote no leases":       {nil, epoch.Add(time.Minute), false},
		"the clocks are equal":                {manyLeases(1), epoch, false},
		"a write that was delivered in time":  {manyLeases(1), epoch.Add(2 * time.Second), false},
		"a write that was delivered too late": {manyLeases(1), epoch.Add(2*time.Second + 1), true},
		"the maximum skew":                    {manyLeases(1), epoch.Add(10 * time.Minute), true},
		"more than the maximum skew":          {manyLeases(1), epoch.Add(10*time.Minute + 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := s.newTx(&Limit{Leases: tt.leases, Updated: epoch, Received: tt.received})
			if d.timesShifted != tt.want {
				t.Errorf("shifted: %t, want %t", d.timesShifted, tt.want)
			}
			if len(tt.leases) > 0 && d.Leases[0].Since.Equal(epoch) == tt.want {
				t.Errorf("since %s", d.Leases[0].Since)
			}
		})
	}
}
