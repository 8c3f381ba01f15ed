package usecase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestSlots_runStartsOnlyWithSlot(t *testing.T) {
	t.Parallel()
	b := newSlotsFixture(map[string]int64{"a": 1, "zero": 0})
	first, second := b.tagged(t, "1", "a"), b.tagged(t, "2", "b", "a")
	if got := mustSet(t, b.Service, first.ID, toRunning); got.Decision.Status != orchestration.Accept || !got.Written {
		t.Fatalf("the first start got %s", got.Decision.Status)
	}
	b.wantHolders(t, "a", first)
	waiting := mustSet(t, b.Service, second.ID, toRunning)
	if waiting.Decision.Status != orchestration.Wait || waiting.Written || waiting.Decision.Delay != time.Second ||
		waiting.Decision.Reason != "Concurrency limit reached for tags: a" {
		t.Errorf("the second start got %+v, want WAIT 1s", waiting.Decision)
	}
	mustSet(t, b.Service, first.ID, taskrun.Proposal{Type: orchestration.Cancelling})
	b.wantHolders(t, "a", first)
	mustSet(t, b.Service, first.ID, taskrun.Proposal{Type: orchestration.Cancelled})
	b.wantHolders(t, "a")
	if got := mustSet(t, b.Service, second.ID, toRunning); !got.Written {
		t.Errorf("after the end of the first, the second got %+v", got.Decision)
	}
	b.wantHolders(t, "a", second)
	if got := mustSet(t, b.Service, b.tagged(t, "3", "zero").ID, toRunning); got.Decision.Status != orchestration.Abort {
		t.Errorf("with a limit of zero: %s, want ABORT", got.Decision.Status)
	}
}

func TestSlots_notClaimedIfNotNeeded(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		tags      []string
		proposals []taskrun.Proposal
		want      []string
	}{
		"a run without tags":                 {nil, []taskrun.Proposal{toRunning}, nil},
		"tags without a limit":               {[]string{"b"}, []taskrun.Proposal{toRunning}, []string{"read"}},
		"a state other than RUNNING":         {[]string{"a"}, []taskrun.Proposal{{Type: orchestration.Completed}}, nil},
		"a forced start":                     {[]string{"a"}, []taskrun.Proposal{{Type: orchestration.Running, Force: true}}, []string{"read"}},
		"another start of a run with a slot": {[]string{"a"}, []taskrun.Proposal{toRunning, toRunning}, []string{"read", "take", "read"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			run := b.tagged(t, "k", tc.tags...)
			for _, proposal := range tc.proposals {
				mustSet(t, b.Service, run.ID, proposal)
			}
			if diff := cmp.Diff(tc.want, b.slots.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSlots_runWaitsIfAnotherClaimsLastSlot(t *testing.T) {
	t.Parallel()
	for name, staleReads := range map[string]int{
		"where the limits show the other claim":          1,
		"where the cached limits still have a free slot": 2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			fast, slow := b.tagged(t, "1", "a"), b.tagged(t, "2", "a")
			mustSet(t, b.Service, fast.ID, toRunning)
			b.slots.staleReads, b.slots.calls = staleReads, nil
			got := mustSet(t, b.Service, slow.ID, toRunning)
			if got.Decision.Status != orchestration.Wait || got.Written || got.Run.State.Type != orchestration.Pending {
				t.Errorf("got %+v, want WAIT and nothing written", got.Decision)
			}
			if diff := cmp.Diff([]string{"read", "take", "read"}, b.slots.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			b.wantHolders(t, "a", fast)
		})
	}
}

var errRejected = taskrun.NewRejectedError(taskrun.AdmissionDenied, "no")

func TestSlots_claimIsReleasedAfterFailedWrite(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		between  func(b *slotsFixture, id string) error // before the write
		wantErr  error
		wantType orchestration.StateType // "": the run was deleted
		wantHeld bool
	}{
		"the run finished": {
			between: func(b *slotsFixture, id string) error {
				_, err := b.SetState(t.Context(), id, taskrun.Proposal{Type: orchestration.Completed, Data: []byte(`{"a":1}`)})
				return err
			},
			wantType: orchestration.Completed,
		},
		"the API server rejects the write": {
			between: func(*slotsFixture, string) error { return errRejected },
			wantErr: errRejected, wantType: orchestration.Pending,
		},
		"the run was deleted": {
			between: func(b *slotsFixture, id string) error { return b.Delete(t.Context(), id) },
			wantErr: taskrun.ErrNotFound,
		},
		"but not after a conflict if the run can still start": {
			between: func(b *slotsFixture, id string) error {
				_, err := b.SetState(t.Context(), id, taskrun.Proposal{Type: orchestration.Pending, Name: new("Mine")})
				return err
			},
			wantType: orchestration.Running, wantHeld: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			run := b.tagged(t, "k", "a")
			b.store.before = func(context.Context, *taskrun.Run) error { return tc.between(b, run.ID) }
			_, err := b.SetState(t.Context(), run.ID, toRunning)
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("SetState(): %v, want %v", err, tc.wantErr)
			}
			if kept, err := b.Get(t.Context(), run.ID); tc.wantType != "" && (err != nil || kept.State.Type != tc.wantType) {
				t.Errorf("run = %+v, error %v, want %s", kept, err, tc.wantType)
			}
			if got := len(b.slots.claims) > 0; got != tc.wantHeld {
				t.Errorf("claims = %+v, want some: %t", b.slots.claims, tc.wantHeld)
			}
		})
	}
}

func TestSlots_oneCallClaimsOnce(t *testing.T) {
	t.Parallel()
	b := newSlotsFixture(map[string]int64{"a": 1})
	run := b.tagged(t, "k", "a")
	ids := map[string]bool{}
	b.slots.onTaken = func(c taskrun.Claim) { ids[c.StateID] = true }
	b.store.before = func(ctx context.Context, _ *taskrun.Run) error { return b.Rename(ctx, run.ID, "other") }
	outcome := mustSet(t, b.Service, run.ID, toRunning)
	if want := map[string]bool{outcome.State.ID: true}; !cmp.Equal(want, ids) || len(b.slots.claims) != 1 {
		t.Errorf("claims for states %v, %d left, want one for %v", ids, len(b.slots.claims), want)
	}
}

// A claim for other limits than those of the last decision is released first.
func TestSlots_claimIsReplacedIfLimitsChangedSinceDecision(t *testing.T) {
	t.Parallel()
	b := newSlotsFixture(map[string]int64{"a": 1, "b": 1})
	run, other := b.tagged(t, "1", "a", "b"), b.tagged(t, "2", "a")
	b.store.before = func(ctx context.Context, _ *taskrun.Run) error {
		delete(b.slots.limits, "a")
		return b.Rename(ctx, run.ID, "other")
	}
	mustSet(t, b.Service, run.ID, toRunning)
	b.slots.limits["a"] = 1
	if got := mustSet(t, b.Service, other.ID, toRunning); !got.Written {
		t.Errorf("a slot of a limit that was not there at the write is taken: %+v", got.Decision)
	}
	b.wantHolders(t, "b", run)
}
