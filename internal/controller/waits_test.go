package controller

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// A proposal that waits for a slot is evaluated every second at first, and at growing
// intervals later.
func TestInterval_growsWithAgeOfWait(t *testing.T) {
	t.Parallel()
	b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
	b.runs.waits(orchestration.Decision{Reason: "full", Delay: time.Second, AwaitsSlots: true})
	evaluations := map[time.Duration]int{}
	for b.clock.Now().Before(start.Add(time.Hour)) {
		age := b.clock.Now().Sub(start)
		next := b.reconcile(t).RequeueAfter
		if next < time.Second || next > 30*time.Second || (next > time.Second && next > age/10+time.Millisecond) {
			t.Fatalf("at the age of %v, the next look is after %v", age, next)
		}
		b.clock.SetTime(b.clock.Now().Add(next))
		evaluations[age.Truncate(10*time.Minute)]++
	}
	if first, last := evaluations[0], evaluations[50*time.Minute]; first > 70 || last > 20 {
		t.Errorf("%d evaluations in the first ten minutes, %d in the last ones", first, last)
	}
}

// A proposal of any age is evaluated at its retry time.
func TestReconcileProposal_evaluatesAtRetryTime(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ due, rounded time.Duration }{
		"in whole seconds":                {time.Hour, time.Hour},
		"from the run's scheduled time":   {time.Hour + 300*time.Millisecond, time.Hour + time.Second},
		"within a second":                 {700 * time.Millisecond, time.Second},
		"between two evaluations":         {47 * time.Minute, 47 * time.Minute},
		"sooner than the next evaluation": {3 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			due := start.Add(tc.due)
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.run.State = newState(orchestration.Scheduled)
			b.runs.run.State.Details.ScheduledTime = &due
			b.runs.waits(orchestration.Decision{Reason: "early", Delay: tc.rounded})
			b.reconcile(t)
			for len(b.runs.seen) < 2 {
				next := b.reconcile(t).RequeueAfter
				if b.clock.Now().Add(next).After(due.Add(minWait)) {
					t.Fatalf("at %v, the next look is after %v, later than %v", b.clock.Now().Sub(start), next, tc.due)
				}
				b.clock.SetTime(b.clock.Now().Add(next))
				if !b.clock.Now().Before(due) {
					b.reconcile(t)
				}
			}
			if early := due.Sub(b.clock.Now()); early > 0 {
				t.Errorf("evaluated %v before its time", early)
			}
		})
	}
}

// A change of the run requeues the proposals that wait for it, if it affects them.
func TestRunEvents_requeueWaitingProposals(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(b *proposalBench)
		name   string // name of the changed object; empty: that of the run
		want   bool
	}{
		"another state":                {change: func(b *proposalBench) { b.runs.run.State = newState(orchestration.Cancelled) }, want: true},
		"the same state":               {change: func(*proposalBench) {}},
		"another run":                  {change: func(*proposalBench) {}, name: "other"},
		"deleted, or no longer a run":  {change: func(b *proposalBench) { b.runs.run = nil }, want: true},
		"the proposal has its verdict": {change: func(b *proposalBench) { b.evaluated(t); b.runs.run.State = newState(orchestration.Cancelled) }},
		"the proposal was deleted":     {change: func(b *proposalBench) { b.withdrawn(t); b.runs.run.State = newState(orchestration.Cancelled) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.waits(orchestration.Decision{Reason: "early", Delay: time.Hour})
			b.reconcile(t)
			tc.change(b)
			var want []string
			if tc.want {
				want = []string{"cancel-1"}
			}
			queue := &fakeQueue{}
			change := startChanges(t, b.runChanges, &b.OnChange, queue)
			change("default", cmp.Or(tc.name, "hello"), b.runs.run)
			if !slices.Equal(queue.added, want) {
				t.Errorf("requeued are %v, want %v", queue.added, want)
			}
		})
	}
}

// startChanges starts a source that uses OnChange, and returns the function that OnChange
// would call.
func startChanges(
	t *testing.T, requests func() source.Source, onChange *func(taskrun.ObjectChanged) func(), queue *fakeQueue,
) (change taskrun.ObjectChanged) {
	t.Helper()
	*onChange = func(call taskrun.ObjectChanged) func() {
		change = call
		return func() {}
	}
	if err := requests().Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	return change
}

// evaluated gives the proposal its verdict, and reconciles it again.
func (b *proposalBench) evaluated(t *testing.T) {
	t.Helper()
	b.runs.verdict(orchestration.Abort, "no", nil)
	b.clock.SetTime(start.Add(2 * time.Hour))
	b.reconcile(t)
	b.reconcile(t)
}

// withdrawn deletes the proposal.
func (b *proposalBench) withdrawn(t *testing.T) {
	t.Helper()
	if err := b.objects.Delete(t.Context(), newProposal(nil)); err != nil {
		t.Error(err)
	}
	b.reconcile(t)
}

// A change during the read of the run is not missed.
func TestRunEvents_requeueAfterChangeDuringEvaluation(t *testing.T) {
	t.Parallel()
	b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
	b.runs.waits(orchestration.Decision{Reason: "early", Delay: time.Hour})
	evaluate, woken := b.runs.evaluate, 0
	b.runs.evaluate = func(p taskrun.NamedProposal) (usecase.Evaluation, error) {
		woken = len(b.waits.outside(runKey{v1alpha1.KindTaskRun, types.NamespacedName{Namespace: "default", Name: "hello"}}, ""))
		return evaluate(p)
	}
	b.reconcile(t)
	if woken != 1 {
		t.Errorf("%d proposals were woken, want 1", woken)
	}
}

func TestWaits_endRemovesRecords(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *proposalBench, t *testing.T){"a verdict": (*proposalBench).evaluated, "a deletion": (*proposalBench).withdrawn} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.waits(orchestration.Decision{Reason: "full", AwaitsSlots: true})
			b.reconcile(t)
			end(b, t)
			if len(b.waits.proposals) != 0 || len(b.waits.runs) != 0 {
				t.Errorf("%d proposals of %d runs are remembered", len(b.waits.proposals), len(b.waits.runs))
			}
		})
	}
}
