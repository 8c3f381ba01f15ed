package controller

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// fakeProposals has one run and a configured evaluation.
type fakeProposals struct {
	run      *taskrun.Run
	evaluate func(taskrun.NamedProposal) (usecase.Evaluation, error)
	seen     []taskrun.NamedProposal
	err      error // of Get
}

func (f *fakeProposals) Get(_ context.Context, id string) (*taskrun.Run, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.run == nil || f.run.ID != id {
		return nil, taskrun.ErrNotFound
	}
	return f.run, nil
}

func (f *fakeProposals) EvaluateProposal(_ context.Context, _ string, p taskrun.NamedProposal) (usecase.Evaluation, error) {
	f.seen = append(f.seen, p)
	return f.evaluate(p)
}

// verdict makes the evaluation return a final decision and the state that it
// leads to.
func (f *fakeProposals) verdict(status orchestration.Status, reason string, state *orchestration.State) {
	f.evaluate = func(p taskrun.NamedProposal) (usecase.Evaluation, error) {
		after, before := *f.run, f.run.State
		final := &taskrun.ProposalDecision{Proposal: p.Name, UID: p.UID, Verdict: status, Reason: reason, EvaluatedAt: start}
		if state != nil {
			after.State, final.StateID = state, "0198a1b2-0000-7000-8000-0000000000cc"
		}
		return usecase.Evaluation{
			Outcome: taskrun.Outcome{
				Run: &after, State: after.State, Written: state != nil,
				Decision: orchestration.Decision{Status: status, Reason: reason, State: state},
			},
			Before: before, Final: final, Recorded: true,
		}, nil
	}
}

// waits makes the evaluation return a wait.
func (f *fakeProposals) waits(decision orchestration.Decision) {
	decision.Status = orchestration.Wait
	f.evaluate = func(taskrun.NamedProposal) (usecase.Evaluation, error) {
		return usecase.Evaluation{Outcome: taskrun.Outcome{Run: f.run, State: f.run.State, Decision: decision}, Before: f.run.State}, nil
	}
}

// proposalBench is a ProposalReconciler with fake dependencies.
type proposalBench struct {
	*ProposalReconciler
	clock   *testingclock.FakePassiveClock
	runs    *fakeProposals
	objects client.Client
	events  *events.FakeRecorder
	metrics *fakeMetrics
}

func newProposalBench(t *testing.T, run *taskrun.Run, objects ...client.Object) *proposalBench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	b := &proposalBench{
		clock: testingclock.NewFakePassiveClock(start), runs: &fakeProposals{run: run},
		objects: fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.StateProposal{}).WithObjects(objects...).Build(),
		events:  events.NewFakeRecorder(10), metrics: &fakeMetrics{},
	}
	b.ProposalReconciler = &ProposalReconciler{
		Options: DefaultOptions(), Objects: b.objects, Live: b.objects, Writer: b.objects,
		Proposals: func(string) Proposals { return b.runs },
		Convert: func(p *v1alpha1.StateProposal) taskrun.NamedProposal {
			return taskrun.NamedProposal{Name: p.Name, UID: string(p.UID)}
		},
		Undecodable: func(o metav1.Object) bool { return o.GetLabels()["undecodable"] != "" },
		Clock:       b.clock, Events: b.events, Metrics: b.metrics,
	}
	return b
}

// newProposal returns a proposal of CANCELLED for newObject("hello", object).
func newProposal(change func(*v1alpha1.StateProposal)) *v1alpha1.StateProposal {
	p := &v1alpha1.StateProposal{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "cancel-1", UID: "p1", Generation: 1, CreationTimestamp: metav1.Time{Time: start},
		},
		Spec: v1alpha1.StateProposalSpec{
			TargetRef: v1alpha1.ProposalTarget{Kind: v1alpha1.KindTaskRun, Name: "hello"},
			State:     v1alpha1.ProposedState{Type: "CANCELLED"}, Proposer: "alice",
		},
	}
	if change != nil {
		change(p)
	}
	return p
}

func (b *proposalBench) reconcile(t *testing.T) Result {
	t.Helper()
	result, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "cancel-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// stored returns the current proposal, nil if it was deleted.
func (b *proposalBench) stored(t *testing.T) *v1alpha1.StateProposal {
	t.Helper()
	p := &v1alpha1.StateProposal{}
	err := b.objects.Get(t.Context(), types.NamespacedName{Namespace: "default", Name: "cancel-1"}, p)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return p
}

func (b *proposalBench) recorded() []string {
	return (&fixture{events: b.events}).recorded()
}

func TestReconcileProposal_writesVerdict(t *testing.T) {
	t.Parallel()
	retrying := newState(orchestration.Scheduled)
	retrying.Name = orchestration.NameAwaitingRetry
	cases := map[string]struct {
		status     orchestration.Status
		reason     string
		state      *orchestration.State
		want       string
		wantReason string
		wantEvent  string
	}{
		"accepted": {
			status: orchestration.Accept, state: newState(orchestration.Cancelled), want: "Accepted",
			wantEvent: "Normal ProposalAccepted StateProposal cancel-1 by alice accepted: state changed from RUNNING to CANCELLED",
		},
		"rejected": {
			status: orchestration.Reject, reason: "This run has already terminated.", want: "Rejected",
			wantEvent: "Warning ProposalRejected StateProposal cancel-1 by alice rejected: This run has already terminated.",
		},
		"rejected for another state": {
			status: orchestration.Reject, reason: "Retrying", state: retrying, want: "Rejected",
			wantEvent: "Warning ProposalRejected StateProposal cancel-1 by alice rejected: Retrying (state changed from RUNNING to SCHEDULED (AwaitingRetry))",
		},
		"aborted": {
			status: orchestration.Abort, reason: "no", want: "Aborted",
			wantEvent: "Warning ProposalAborted StateProposal cancel-1 by alice aborted: no",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.verdict(tc.status, tc.reason, tc.state)
			if result := b.reconcile(t); result != (Result{}) {
				t.Errorf("result = %+v", result)
			}
			p := b.stored(t)
			condition := p.Status.Conditions[0]
			if p.Status.Verdict != tc.want || p.Status.Reason != tc.reason || p.Status.ObservedGeneration != 1 ||
				condition.Type != "Evaluated" || condition.Status != metav1.ConditionTrue || condition.Reason != tc.want {
				t.Errorf("status = %+v", p.Status)
			}
			if written := p.Status.StateID != ""; written != (tc.state != nil) {
				t.Errorf("stateID = %q", p.Status.StateID)
			}
			if diff := cmp.Diff([]string{tc.wantEvent}, b.recorded()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{string(tc.status)}, b.metrics.names()); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
			if got := b.runs.seen[0].Object; got != object {
				t.Errorf("evaluated for the object %q, want %q", got, object)
			}
			b.reconcile(t)
			if len(b.runs.seen) != 1 {
				t.Error("an evaluated proposal was evaluated again")
			}
		})
	}
}

func TestReconcileProposal_repeatsRecordedDecisionWithoutEvent(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ uid, wantReason string }{
		"on this object":                   {"p1", "no"},
		"on a proposal with the same name": {"p0", "The run has decided on an earlier StateProposal of this name; use another name to propose again. no"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.evaluate = func(taskrun.NamedProposal) (usecase.Evaluation, error) {
				return usecase.Evaluation{
					Outcome: taskrun.Outcome{Run: b.runs.run},
					Final:   &taskrun.ProposalDecision{Proposal: "cancel-1", UID: tc.uid, Verdict: orchestration.Abort, Reason: "no", EvaluatedAt: start},
				}, nil
			}
			b.reconcile(t)
			if got := b.stored(t).Status; got.Verdict != "Aborted" || got.Reason != tc.wantReason {
				t.Errorf("status = %+v, want Aborted, %q", got, tc.wantReason)
			}
			if told := b.recorded(); told != nil || len(b.metrics.names()) != 0 {
				t.Errorf("events %q, metrics %q, want none", told, b.metrics.names())
			}
		})
	}
}

func TestReconcileProposal_abortsWithoutRun(t *testing.T) {
	t.Parallel()
	other := newRun(func(r *taskrun.Run) { r.Ref.UID, r.Ref.Name = "other", "first" })
	cases := map[string]struct {
		run       *taskrun.Run
		objects   []client.Object
		change    func(*v1alpha1.StateProposal)
		skew      time.Duration // of the operator's clock to that of the API server
		age       time.Duration // of the proposal at the last reconciliation
		want      string        // part of the reason; empty: no verdict yet
		wantAfter time.Duration // of the next reconciliation
	}{
		"a run that does not exist": {age: appliedTogether, want: `TaskRun "hello" does not exist in namespace "default".`},
		"a run that may be created with it": {
			age: time.Second, wantAfter: 100 * time.Millisecond,
		},
		"a run that may be created with it, by a clock that is ahead": {
			skew: time.Hour, age: time.Second, wantAfter: 100 * time.Millisecond,
		},
		"a run that does not exist, by a clock that is behind": {
			skew: -time.Hour, age: appliedTogether, want: `TaskRun "hello" does not exist in namespace "default".`,
		},
		"a missing run with a uid is not waited for": {
			change: func(p *v1alpha1.StateProposal) { p.Spec.TargetRef.UID = "x" }, want: "does not exist",
		},
		"a run that was deleted while the proposal waited": {
			change: func(p *v1alpha1.StateProposal) { p.Status.Verdict = "Waiting" }, want: "does not exist",
		},
		"a run that was created again": {
			run: newRun(nil), objects: []client.Object{newObject("hello", object)},
			change: func(p *v1alpha1.StateProposal) { p.Spec.TargetRef.UID = "x" }, want: "another uid",
		},
		"an object whose run is another object": {
			run: other, objects: []client.Object{newObject("hello", object), newObject("first", "other")},
			want: `TaskRun "hello" has the id of TaskRun "first"`,
		},
		"an object whose index entry is behind": {
			run: other, objects: []client.Object{newObject("hello", object)}, wantAfter: recheckDelay,
		},
		"an object that the index does not have yet": {
			objects: []client.Object{newObject("hello", object)}, wantAfter: recheckDelay,
		},
		"a run on hold": {
			run: newRun(func(r *taskrun.Run) { r.OnHold = true }), objects: []client.Object{newObject("hello", object)}, wantAfter: recheckDelay,
		},
		"a copy of an evaluated proposal": {
			run: newRun(nil), objects: []client.Object{newObject("hello", object)},
			change: func(p *v1alpha1.StateProposal) { p.Annotations = map[string]string{v1alpha1.AnnotationEvaluated: "p0"} },
			want:   "a copy of an evaluated one",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, tc.run, append(tc.objects, newProposal(tc.change))...)
			b.clock.SetTime(start.Add(tc.skew))
			result := b.reconcile(t)
			if tc.age > 0 {
				b.clock.SetTime(start.Add(tc.skew + tc.age))
				result = b.reconcile(t)
			}
			p := b.stored(t)
			if tc.want != "" && (p.Status.Verdict != "Aborted" || !strings.Contains(p.Status.Reason, tc.want)) {
				t.Errorf("status = %+v, want Aborted, %q", p.Status, tc.want)
			}
			if tc.want == "" && p.Status.Verdict != "" {
				t.Errorf("status = %+v, want none", p.Status)
			}
			if result.RequeueAfter != tc.wantAfter || len(b.runs.seen) != 0 {
				t.Errorf("result = %+v, evaluated %d times", result, len(b.runs.seen))
			}
		})
	}
}

func TestReconcileProposal_reevaluatesWaitingProposal(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		decision  orchestration.Decision
		scheduled time.Time          // of the run
		start     func(*taskrun.Run) // the run as it is first
		run       func(*taskrun.Run) // what happens to the run between the evaluations
		after     time.Duration
		want      int           // evaluations
		wantNext  time.Duration // of the last reconciliation
	}{
		"not before its retry time": {
			decision: orchestration.Decision{Delay: time.Hour}, after: time.Minute, want: 1, wantNext: time.Minute / 10,
		},
		"at its retry time": {
			decision: orchestration.Decision{Delay: time.Minute}, after: time.Minute, want: 2, wantNext: time.Minute / 10,
		},
		"not before the scheduled time of its run": {
			decision: orchestration.Decision{Delay: time.Minute}, after: time.Minute, want: 1, wantNext: 400 * time.Millisecond,
			scheduled: start.Add(time.Minute + 400*time.Millisecond),
		},
		"at the scheduled time of its run": {
			decision: orchestration.Decision{Delay: time.Minute}, after: time.Minute - 400*time.Millisecond, want: 2, wantNext: (time.Minute - 400*time.Millisecond) / 10,
			scheduled: start.Add(time.Minute - 400*time.Millisecond),
		},
		"when its run has finished": {
			decision: orchestration.Decision{Delay: time.Hour}, after: time.Minute, want: 2, wantNext: time.Minute / 10,
			run: func(r *taskrun.Run) { r.State = newState(orchestration.Cancelled) },
		},
		"when its run is in another state": {
			decision: orchestration.Decision{Delay: time.Hour}, after: time.Minute, want: 2, wantNext: time.Minute / 10,
			run: func(r *taskrun.Run) { r.State = newState(orchestration.Pending) },
		},
		"when its run is in another state by a clock that is behind": {
			decision: orchestration.Decision{Delay: time.Hour}, after: time.Minute, want: 2, wantNext: time.Minute / 10,
			run: func(r *taskrun.Run) {
				r.State = newState(orchestration.Pending)
				r.State.Timestamp = start.Add(-5 * time.Minute)
			},
		},
		"not before its retry time if its state is from a clock that is ahead": {
			decision: orchestration.Decision{Delay: time.Hour}, after: time.Minute, want: 1, wantNext: time.Minute / 10,
			start: func(r *taskrun.Run) { r.State.Timestamp = start.Add(5 * time.Minute) },
		},
		"soon if it waits for a slot": {
			decision: orchestration.Decision{Delay: time.Hour, AwaitsSlots: true}, after: time.Second, want: 2, wantNext: minInterval,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(tc.start), newObject("hello", object), newProposal(nil))
			tc.decision.Reason = "too early"
			if !tc.scheduled.IsZero() {
				b.runs.run.State = newState(orchestration.Scheduled)
				b.runs.run.State.Details.ScheduledTime = &tc.scheduled
			}
			b.runs.waits(tc.decision)
			b.reconcile(t)
			first := b.stored(t)
			condition := first.Status.Conditions[0]
			if first.Status.Verdict != "Waiting" || condition.Status != metav1.ConditionFalse || condition.Reason != "Waiting" ||
				(first.Status.RetryTime == nil) != tc.decision.AwaitsSlots || first.Annotations != nil {
				t.Errorf("status = %+v", first.Status)
			}
			b.clock.SetTime(start.Add(tc.after))
			if tc.run != nil {
				tc.run(b.runs.run)
			}
			if next := b.reconcile(t).RequeueAfter; next != tc.wantNext || len(b.runs.seen) != tc.want {
				t.Errorf("evaluated %d times, next in %v, want %d and %v", len(b.runs.seen), next, tc.want, tc.wantNext)
			}
			if told := b.recorded(); len(told) != 1 || !strings.HasPrefix(told[0], "Normal ProposalWaiting StateProposal cancel-1 by alice waiting to enter CANCELLED: too early") {
				t.Errorf("events = %q, want one", told)
			}
		})
	}
}
