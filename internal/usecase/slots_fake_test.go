package usecase_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// grace is the time for which a claim of the fake counts before its state is
// written.
const grace = 2 * time.Second

// fakeSlots keeps limits in memory. A claim counts by the state of its run in the
// store, as the interface requires.
type fakeSlots struct {
	mu     sync.Mutex
	store  taskrun.Store
	clock  *testingclock.FakeClock
	limits map[string]int64 // by tag
	claims []fakeClaim
	calls  []string

	staleReads     int                 // number of calls of TagLimits that see no claims
	broken         error               // error of every call
	refuse         error               // error of the next Take
	breakAfterTake bool                // fail every call after the next refusal
	onTaken        func(taskrun.Claim) // called after a claim
}

// fakeClaim is a claim on the limit of one tag.
type fakeClaim struct {
	taskrun.Claim
	tag   string
	until time.Time
}

func newSlots(store taskrun.Store, clock *testingclock.FakeClock, limits map[string]int64) *fakeSlots {
	return &fakeSlots{store: store, clock: clock, limits: limits}
}

// holders returns the runs with a slot of the tag's limit.
func (f *fakeSlots) holders(ctx context.Context, tag string) map[string]bool {
	holders := map[string]bool{}
	for _, c := range f.claims {
		if c.tag != tag {
			continue
		}
		run, err := f.store.Get(ctx, c.RunID)
		if err == nil && (run.Holds(c.StateID) || !run.Has(c.StateID) && c.until.After(f.clock.Now())) {
			holders[c.RunID] = true
		}
	}
	return holders
}

func (f *fakeSlots) TagLimits(ctx context.Context, run *taskrun.Run) ([]orchestration.TagLimit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "read")
	if f.broken != nil {
		return nil, f.broken
	}
	var limits []orchestration.TagLimit
	for _, tag := range run.Tags {
		most, limited := f.limits[tag]
		if !limited {
			continue
		}
		l := orchestration.TagLimit{Tag: tag, Limit: most}
		l.Held = slices.ContainsFunc(f.claims, func(c fakeClaim) bool {
			return c.RunID == run.ID && c.tag == tag && run.Holds(c.StateID)
		})
		holders := f.holders(ctx, tag)
		if !l.Held {
			delete(holders, run.ID)
		}
		if f.staleReads > 0 {
			f.staleReads--
		} else {
			l.Taken = int64(len(holders))
		}
		limits = append(limits, l)
	}
	return limits, nil
}

func (f *fakeSlots) Take(ctx context.Context, claim taskrun.Claim) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "take")
	if err := f.refuse; err != nil {
		f.refuse = nil
		if f.breakAfterTake {
			f.broken = taskrun.ErrUnavailable
		}
		return time.Time{}, err
	}
	if f.broken != nil {
		return time.Time{}, f.broken
	}
	for _, tag := range claim.Tags {
		holders := f.holders(ctx, tag)
		if int64(len(holders)) >= f.limits[tag] && !holders[claim.RunID] {
			return time.Time{}, taskrun.ErrFull
		}
	}
	f.drop(claim)
	f.dropLeft(ctx)
	until := f.clock.Now().Add(grace)
	for _, tag := range claim.Tags {
		f.claims = append(f.claims, fakeClaim{claim, tag, until})
	}
	if f.onTaken != nil {
		f.onTaken(claim)
	}
	return until, nil
}

func (f *fakeSlots) ReleaseClaim(ctx context.Context, claim taskrun.Claim) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "give back")
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.broken != nil {
		return f.broken
	}
	f.drop(claim)
	return nil
}

// dropLeft drops the claims of states that the runs have left.
func (f *fakeSlots) dropLeft(ctx context.Context) {
	f.claims = slices.DeleteFunc(f.claims, func(c fakeClaim) bool {
		run, err := f.store.Get(ctx, c.RunID)
		return err != nil || run.Has(c.StateID) && !run.Holds(c.StateID)
	})
}

func (f *fakeSlots) drop(claim taskrun.Claim) {
	f.claims = slices.DeleteFunc(f.claims, func(c fakeClaim) bool {
		return c.RunID == claim.RunID && c.StateID == claim.StateID && slices.Contains(claim.Tags, c.tag)
	})
}

// slotsFixture is a service on an in-memory store, with limits.
type slotsFixture struct {
	*usecase.Service
	store *gatedStore
	slots *fakeSlots
	clock *testingclock.FakeClock
}

func newSlotsFixture(limits map[string]int64) *slotsFixture {
	clock := testingclock.NewFakeClock(start)
	store := &gatedStore{Store: memory.New()}
	slots := newSlots(store, clock, limits)
	return &slotsFixture{
		Service: usecase.New(usecase.Options{
			Namespace: "default", Store: store, Clock: clock, Slots: slots, Draw: func() float64 { return 0.5 },
		}),
		store: store, slots: slots, clock: clock,
	}
}

// gatedStore calls functions of the test before and after writes.
type gatedStore struct {
	taskrun.Store
	before  func(ctx context.Context, run *taskrun.Run) error // before the next write of progress
	after   error                                             // result of the next write, although it succeeds
	between func()                                            // called before that result
}

func (g *gatedStore) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if before := g.before; before != nil {
		g.before = nil
		if err := before(ctx, run); err != nil {
			return nil, err
		}
	}
	updated, err := g.Store.UpdateProgress(ctx, run)
	if lost := g.after; err == nil && lost != nil {
		g.after = nil
		if g.between != nil {
			g.between()
		}
		return nil, lost
	}
	return updated, err
}

// tagged creates a PENDING run with tags.
func (b *slotsFixture) tagged(t *testing.T, key string, tags ...string) *taskrun.Run {
	t.Helper()
	in := newRun(key)
	in.Run.Tags = tags
	return mustCreate(t, b.Service, in)
}

var toRunning = taskrun.Proposal{Type: orchestration.Running}

// wantHolders checks which runs have a slot of the tag's limit.
func (b *slotsFixture) wantHolders(t *testing.T, tag string, want ...*taskrun.Run) {
	t.Helper()
	ids := map[string]bool{}
	for _, run := range want {
		ids[run.ID] = true
	}
	b.slots.mu.Lock()
	defer b.slots.mu.Unlock()
	if diff := cmp.Diff(ids, b.slots.holders(t.Context(), tag)); diff != "" {
		t.Errorf("holders of %s (-want +got):\n%s", tag, diff)
	}
}
