package usecase_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestSlots_expireIfReplicaEndsBetweenClaimAndWrite(t *testing.T) {
	t.Parallel()
	errKilled := errors.New("killed")
	cases := map[string]struct {
		die       func(b *slotsFixture)
		wantTaken bool // the claim's state was written
	}{
		"before the write": {die: func(b *slotsFixture) {
			b.store.before = func(context.Context, *taskrun.Run) error { return errKilled }
		}},
		"after the write, before its response": {die: func(b *slotsFixture) { b.store.after = errKilled }, wantTaken: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			dead, next := b.tagged(t, "1", "a"), b.tagged(t, "2", "a")
			tc.die(b)
			if _, err := b.SetState(t.Context(), dead.ID, toRunning); !errors.Is(err, errKilled) {
				t.Fatalf("SetState(): %v", err)
			}
			if slices.Contains(b.slots.calls, "give back") {
				t.Error("a claim was released whose state may have been written")
			}
			b.wantHolders(t, "a", dead)
			b.clock.Step(grace)
			if got := mustSet(t, b.Service, next.ID, toRunning); got.Written == tc.wantTaken {
				t.Errorf("when the claim's time is over, the next start is written: %t, want %t", got.Written, !tc.wantTaken)
			}
			// The run starts again with the slot that it holds.
			again := mustSet(t, b.Service, dead.ID, toRunning)
			if again.Written != tc.wantTaken {
				t.Errorf("the dead writer's next try is written: %t, want %t", again.Written, tc.wantTaken)
			}
		})
	}
}

func TestSlots_writeEndsWithinGracePeriodOfClaim(t *testing.T) {
	t.Parallel()
	b := newSlotsFixture(map[string]int64{"a": 1})
	run := b.tagged(t, "k", "a")
	var bounded bool
	b.store.before = func(ctx context.Context, _ *taskrun.Run) error {
		deadline, ok := ctx.Deadline()
		bounded = ok && time.Until(deadline) <= grace
		return nil
	}
	mustSet(t, b.Service, run.ID, toRunning)
	if !bounded {
		t.Errorf("the write may take longer than the claim counts")
	}
}

func TestSlots_runDoesNotStartWhileLimitsAreUnavailable(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*fakeSlots){
		"when limits are read":   func(f *fakeSlots) { f.broken = taskrun.ErrUnavailable },
		"when a slot is claimed": func(f *fakeSlots) { f.refuse = taskrun.ErrUnavailable },
		"when limits are read again": func(f *fakeSlots) {
			f.refuse, f.breakAfterTake = taskrun.ErrFull, true
		},
	}
	for name, breakThem := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			run := b.tagged(t, "k", "a")
			breakThem(b.slots)
			if _, err := b.SetState(t.Context(), run.ID, toRunning); !errors.Is(err, taskrun.ErrUnavailable) {
				t.Errorf("SetState(): %v, want ErrUnavailable", err)
			}
			if kept, err := b.Get(t.Context(), run.ID); err != nil || kept.State.Type != orchestration.Pending {
				t.Errorf("run = %+v, error %v, want PENDING", kept, err)
			}
		})
	}
}

func TestSlots_conflictOfClaimIsRetried(t *testing.T) {
	t.Parallel()
	b := newSlotsFixture(map[string]int64{"a": 1})
	run := b.tagged(t, "k", "a")
	b.slots.refuse = taskrun.ErrConflict
	if got := mustSet(t, b.Service, run.ID, toRunning); !got.Written {
		t.Errorf("got %+v, want a start", got.Decision)
	}
}

// In any sequence of starts and ends, the number of runs with a slot does not
// exceed the slots.
func TestSlots_holdersNeverExceedLimit(t *testing.T) {
	t.Parallel()
	const most, runs, rounds = 3, 8, 10
	b := newSlotsFixture(map[string]int64{"a": most})
	var wg sync.WaitGroup
	var highest int
	b.slots.onTaken = func(taskrun.Claim) {
		highest = max(highest, len(b.slots.holders(t.Context(), "a")))
	}
	ids := make([]string, runs)
	for i := range ids {
		ids[i] = b.tagged(t, string(rune('a'+i)), "a").ID
	}
	for _, id := range ids {
		wg.Go(func() {
			for range rounds {
				if outcome, err := b.SetState(t.Context(), id, toRunning); err != nil {
					t.Errorf("SetState(RUNNING): %v", err)
				} else if outcome.Written {
					mustSet(t, b.Service, id, taskrun.Proposal{Type: orchestration.Pending})
				}
			}
		})
	}
	wg.Wait()
	if highest > most || highest == 0 {
		t.Errorf("%d runs held slots at a time, want 1 to %d", highest, most)
	}
}
