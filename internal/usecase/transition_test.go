package usecase_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// client-go and load balancers repeat a write when they do not know whether it arrived. The second write conflicts with
// the first one, not with another writer.
func TestSetState_repeatedWriteIsOneTransition(t *testing.T) {
	t.Parallel()
	forced := func(kind orchestration.StateType) taskrun.Proposal {
		return taskrun.Proposal{Type: kind, Force: true}
	}
	cases := map[string]struct {
		between   func(b *slotsFixture, id string) // called before the conflict is returned
		propose   taskrun.Proposal
		wantTypes []orchestration.StateType
		wantCount int64
	}{
		"without another change": {
			between:   func(*slotsFixture, string) {},
			propose:   toRunning,
			wantTypes: []orchestration.StateType{orchestration.Pending, orchestration.Running},
			wantCount: 1,
		},
		"followed by another state": {
			between: func(b *slotsFixture, id string) {
				mustSet(t, b.Service, id, forced(orchestration.Paused))
			},
			propose:   forced(orchestration.Running),
			wantTypes: []orchestration.StateType{orchestration.Pending, orchestration.Running, orchestration.Paused},
			wantCount: 1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			run := b.tagged(t, "k", "a")
			b.store.after = taskrun.ErrConflict
			b.store.between = func() { tc.between(b, run.ID) }
			outcome := mustSet(t, b.Service, run.ID, tc.propose)
			got, err := b.Get(t.Context(), run.ID)
			if err != nil {
				t.Fatal(err)
			}
			var types []orchestration.StateType
			for _, state := range got.States() {
				types = append(types, state.Type)
			}
			if diff := cmp.Diff(tc.wantTypes, types); diff != "" || got.RunCount != tc.wantCount {
				t.Errorf("run count %d, want %d; states (-want +got):\n%s", got.RunCount, tc.wantCount, diff)
			}
			if !outcome.Written || outcome.State.Type != tc.propose.Type || !got.Has(outcome.State.ID) || outcome.Run.Ref != got.Ref {
				t.Errorf("outcome = %+v, want the state written, and the run as it is now", outcome)
			}
		})
	}
}

// The outcome shows that this call evaluated the proposal.
func TestEvaluateProposal_ownVerdictAfterRepeatedWrite(t *testing.T) {
	t.Parallel()
	b := newSlotsFixture(map[string]int64{"a": 1})
	run := applied(t, b.store, taskrun.Proposal{Type: orchestration.Pending}, func(r *taskrun.Run) {
		r.Tags = []string{"a"}
	})
	b.store.after = taskrun.ErrConflict
	got, err := b.EvaluateProposal(t.Context(), run.ID, taskrun.NamedProposal{Proposal: toRunning, Name: "start", UID: "u", Object: run.Ref.UID})
	if err != nil || !got.Recorded || !got.Written || got.Run.State.Type != orchestration.Running || got.Run.RunCount != 1 {
		t.Errorf("EvaluateProposal() = %+v, error %v, want RUNNING once, recorded by this call", got, err)
	}
}
