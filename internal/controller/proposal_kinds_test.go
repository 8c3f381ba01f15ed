package controller

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// fakeFlowProposals returns one evaluation.
type fakeFlowProposals struct {
	evaluation flowrun.Evaluation
	seen       []taskrun.NamedProposal
}

func (f *fakeFlowProposals) EvaluateProposal(_ context.Context, _ string, p taskrun.NamedProposal) (flowrun.Evaluation, error) {
	f.seen = append(f.seen, p)
	return f.evaluation, nil
}

// forFlowRun makes the bench reconcile a proposal for the FlowRun hello.
func forFlowRun(t *testing.T, found *flowrun.Object, evaluation flowrun.Evaluation) (*proposalBench, *fakeFlowProposals) {
	t.Helper()
	b := newProposalBench(t, nil, newProposal(func(p *v1alpha1.StateProposal) { p.Spec.TargetRef.Kind = v1alpha1.KindFlowRun }))
	flowRuns := &fakeFlowProposals{evaluation: evaluation}
	b.FlowProposals = func(string) FlowProposals { return flowRuns }
	b.FlowRun = func(_, name string) *flowrun.Object {
		if name != "hello" {
			return nil
		}
		return found
	}
	return b, flowRuns
}

func TestReconcileProposal_forAFlowRunWritesVerdict(t *testing.T) {
	t.Parallel()
	run := newFlowRun(nil)
	after := newFlowRun(func(run *flowrun.Run) { run.State = newState(orchestration.Cancelled) })
	final := &taskrun.ProposalDecision{Proposal: "cancel-1", UID: "p1", Verdict: orchestration.Accept, EvaluatedAt: start, StateID: after.State.ID}
	b, flowRuns := forFlowRun(t, &flowrun.Object{Run: run}, flowrun.Evaluation{
		Outcome: flowrun.Outcome{Run: after, State: after.State, Status: orchestration.Accept, Written: true},
		Before:  run.State, Final: final, Recorded: true,
	})
	b.reconcile(t)
	if len(flowRuns.seen) != 1 || flowRuns.seen[0].Object != run.Ref.UID {
		t.Fatalf("evaluated %+v, want one proposal for the object", flowRuns.seen)
	}
	if p := b.stored(t); p.Status.Verdict != v1alpha1.VerdictAccepted || p.Status.StateID != final.StateID {
		t.Errorf("status = %+v", p.Status)
	}
	want := []string{"Normal ProposalAccepted StateProposal cancel-1 by alice accepted: state changed from RUNNING to CANCELLED"}
	if diff := cmp.Diff(want, b.recorded()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestReconcileProposal_forAFlowRunWaits(t *testing.T) {
	t.Parallel()
	run := newFlowRun(nil)
	b, flowRuns := forFlowRun(t, &flowrun.Object{Run: run}, flowrun.Evaluation{
		Outcome: flowrun.Outcome{Run: run, State: run.State, Status: orchestration.Wait, Reason: "early", Delay: time.Minute},
		Before:  run.State,
	})
	b.reconcile(t)
	b.reconcile(t)
	if p := b.stored(t); p.Status.Verdict != v1alpha1.VerdictWaiting || !p.Status.RetryTime.Equal(start.Add(time.Minute)) {
		t.Errorf("status = %+v", p.Status)
	}
	if len(flowRuns.seen) != 1 {
		t.Errorf("evaluated %d times, want once before the retry time", len(flowRuns.seen))
	}
	if woken := b.waits.outside(runKey{kind: v1alpha1.KindFlowRun, NamespacedName: types.NamespacedName{Namespace: "default", Name: "hello"}}, "another state"); len(woken) != 1 {
		t.Errorf("a change of the FlowRun wakes %d proposals, want 1", len(woken))
	}
	if woken := b.waits.outside(runKey{kind: v1alpha1.KindTaskRun, NamespacedName: types.NamespacedName{Namespace: "default", Name: "hello"}}, "another state"); len(woken) != 0 {
		t.Errorf("a change of a TaskRun of the name wakes %d proposals, want 0", len(woken))
	}
}

func TestReconcileProposal_forNoFlowRunIsAborted(t *testing.T) {
	t.Parallel()
	other := newFlowRun(func(run *flowrun.Run) { run.Ref.Name = "first" })
	for name, tc := range map[string]struct {
		found *flowrun.Object
		after time.Duration
		want  string // reason of the verdict; empty: none yet
	}{
		"missing a moment":    {nil, 0, ""},
		"missing":             {nil, time.Minute, `FlowRun "hello" does not exist in namespace "default".`},
		"a duplicate":         {&flowrun.Object{Run: newFlowRun(nil), Holder: other}, 0, `FlowRun "hello" has the id of FlowRun "first" and is not a run of its own.`},
		"one without a flow":  {&flowrun.Object{Run: newFlowRun(func(run *flowrun.Run) { run.FlowID = "" })}, time.Minute, ""},
		"one without a state": {&flowrun.Object{Run: newFlowRun(func(run *flowrun.Run) { run.State = nil })}, time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := forFlowRun(t, tc.found, flowrun.Evaluation{})
			b.reconcile(t)
			b.clock.SetTime(start.Add(tc.after))
			b.reconcile(t)
			if p := b.stored(t); p.Status.Reason != tc.want || (p.Status.Verdict != "") != (tc.want != "") {
				t.Errorf("status = %+v, want the reason %q", p.Status, tc.want)
			}
		})
	}
}
