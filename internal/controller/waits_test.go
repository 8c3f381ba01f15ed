package controller

import (
	"context"
	"testing"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// A proposal that waits for a slot is evaluated every second while it is young, and
// ever less often later.
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

// However old, a proposal is evaluated at its retry time.
func TestReconcileProposal_evaluatesAtRetryTime(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ due, rounded time.Duration }{
		"in whole seconds":    {time.Hour, time.Hour},
		"as the run has it":   {time.Hour + 300*time.Millisecond, time.Hour + time.Second},
		"within a second":     {700 * time.Millisecond, time.Second},
		"between two looks":   {47 * time.Minute, 47 * time.Minute},
		"shorter than a look": {3 * time.Second, 3 * time.Second},
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

// A change of the run wakes the proposals that wait for it, if it concerns them.
func TestRunEvents_requeueWaitingProposals(t *testing.T) {
	t.Parallel()
	other := newObject("other", "o2")
	cases := map[string]struct {
		change func(b *proposalBench)
		object *v1alpha1.TaskRun
		want   bool
		// wantDeleted is for the deletion alone: the index may have the run still.
		wantDeleted bool
	}{
		"another state":        {change: func(b *proposalBench) { b.runs.run.State = newState(orchestration.Cancelled) }, want: true},
		"the same state":       {change: func(*proposalBench) {}, wantDeleted: true},
		"another run":          {change: func(*proposalBench) {}, object: other},
		"the run is deleted":   {change: func(b *proposalBench) { b.runs.run = nil }, want: true},
		"it cannot be read":    {change: func(b *proposalBench) { b.runs.err = taskrun.ErrUnavailable }, want: true},
		"made again":           {change: func(b *proposalBench) { b.runs.run.Ref.UID = "another" }, want: true},
		"it has its verdict":   {change: func(b *proposalBench) { b.judged(t); b.runs.run.State = newState(orchestration.Cancelled) }},
		"the proposal is gone": {change: func(b *proposalBench) { b.withdrawn(t); b.runs.run.State = newState(orchestration.Cancelled) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.waits(orchestration.Decision{Reason: "early", Delay: time.Hour})
			b.reconcile(t)
			tc.change(b)
			if tc.object == nil {
				tc.object = newObject("hello", object)
			}
			for eventName, send := range runEventsOf(b) {
				want := tc.want || (eventName == "deleted" && tc.wantDeleted)
				queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
				send(t.Context(), tc.object, queue)
				if woken := queue.Len() == 1; woken != want || queue.Len() > 1 {
					t.Errorf("%s: %d are woken, want %v", eventName, queue.Len(), want)
				}
				if queue.Len() > 0 {
					if got, _ := queue.Get(); got.Name != "cancel-1" {
						t.Errorf("%s: woken is %v", eventName, got)
					}
				}
				queue.ShutDown()
			}
		})
	}
}

type requests = workqueue.TypedRateLimitingInterface[reconcile.Request]

// runEventsOf are the events of a TaskRun, as the controller gets them.
func runEventsOf(b *proposalBench) map[string]func(ctx context.Context, o *v1alpha1.TaskRun, queue requests) {
	handler := b.runEvents()
	return map[string]func(ctx context.Context, o *v1alpha1.TaskRun, queue requests){
		"created": func(ctx context.Context, o *v1alpha1.TaskRun, queue requests) {
			handler.Create(ctx, event.TypedCreateEvent[*v1alpha1.TaskRun]{Object: o}, queue)
		},
		"updated": func(ctx context.Context, o *v1alpha1.TaskRun, queue requests) {
			handler.Update(ctx, event.TypedUpdateEvent[*v1alpha1.TaskRun]{ObjectOld: o, ObjectNew: o}, queue)
		},
		"deleted": func(ctx context.Context, o *v1alpha1.TaskRun, queue requests) {
			handler.Delete(ctx, event.TypedDeleteEvent[*v1alpha1.TaskRun]{Object: o}, queue)
		},
	}
}

// judged lets the proposal get its verdict, and be seen with it.
func (b *proposalBench) judged(t *testing.T) {
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

// A change that comes while the run is being read is not missed.
func TestRunEvents_requeueAfterChangeDuringEvaluation(t *testing.T) {
	t.Parallel()
	b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
	b.runs.waits(orchestration.Decision{Reason: "early", Delay: time.Hour})
	evaluate, woken := b.runs.evaluate, 0
	b.runs.evaluate = func(p taskrun.NamedProposal) (usecase.Evaluation, error) {
		woken = len(b.affected(t.Context(), newObject("hello", object)))
		return evaluate(p)
	}
	b.reconcile(t)
	if woken != 1 {
		t.Errorf("%d proposals were woken, want 1", woken)
	}
}

func TestWaits_endRemovesRecords(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *proposalBench, t *testing.T){"a verdict": (*proposalBench).judged, "a deletion": (*proposalBench).withdrawn} {
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
