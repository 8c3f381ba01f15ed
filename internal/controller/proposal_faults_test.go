package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

func TestMark_conflictsIfProposalWasRecreated(t *testing.T) {
	t.Parallel()
	b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
	b.runs.verdict(orchestration.Accept, "", newState(orchestration.Cancelled))
	verdict := b.runs.evaluate
	b.runs.evaluate = func(p taskrun.NamedProposal) (usecase.Evaluation, error) {
		if err := errors.Join(
			b.objects.Delete(t.Context(), newProposal(nil)),
			b.objects.Create(t.Context(), newProposal(func(p *v1alpha1.StateProposal) { p.UID = "p2" })),
		); err != nil {
			t.Error(err)
		}
		return verdict(p)
	}
	if result := b.reconcile(t); result.RequeueAfter != afterConflict {
		t.Errorf("result = %+v, want another look", result)
	}
	if p := b.stored(t); p.UID != "p2" || p.Annotations != nil {
		t.Errorf("the second proposal has the UID %s and the annotations %v, want p2 and none", p.UID, p.Annotations)
	}
}

func TestReconcileProposal_retriesErrorOfEvaluation(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err       error
		wantAfter time.Duration
		wantErr   error
	}{
		"another writer was faster": {err: taskrun.ErrConflict, wantAfter: afterConflict},
		"the run was deleted":       {err: taskrun.ErrNotFound, wantAfter: recheckDelay},
		"the store is unavailable":  {err: taskrun.ErrUnavailable, wantErr: taskrun.ErrUnavailable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.evaluate = func(taskrun.NamedProposal) (usecase.Evaluation, error) { return usecase.Evaluation{}, tc.err }
			result, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "cancel-1"}})
			if !errors.Is(err, tc.wantErr) || result.RequeueAfter != tc.wantAfter {
				t.Errorf("result = %+v, error %v, want %v, %v", result, err, tc.wantAfter, tc.wantErr)
			}
			if p := b.stored(t); p.Status.Verdict != "" || p.Annotations != nil {
				t.Errorf("proposal = %+v, want no verdict", p)
			}
		})
	}
}

func TestReconcileProposal_abortsVerdictThatRunCannotStore(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err  error
		want string // verdict
	}{
		"a proposal that is too large": {&taskrun.InvalidError{Field: "task_run", Reason: "larger than the cluster accepts"}, "Aborted"},
		"denied":                       {fmt.Errorf("storing: %w", taskrun.NewRejectedError(taskrun.AdmissionDenied, "no writes on Friday")), "Aborted"},
		"an unknown flow run":          {usecase.ErrNoFlowRun, "Aborted"},
		"a missing permission":         {taskrun.NewRejectedError(taskrun.PermissionMissing, "the operator's role"), ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
			b.runs.evaluate = func(taskrun.NamedProposal) (usecase.Evaluation, error) { return usecase.Evaluation{}, tc.err }
			_, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "cancel-1"}})
			if (err != nil) != (tc.want == "") {
				t.Errorf("error = %v", err)
			}
			if got := b.stored(t).Status; got.Verdict != tc.want || (tc.want != "" && !strings.Contains(got.Reason, tc.err.Error())) {
				t.Errorf("status = %+v, want %s with the reason", got, tc.want)
			}
		})
	}
}

func TestReconcileProposal_waitsForUndecodableRun(t *testing.T) {
	t.Parallel()
	undecodable := fmt.Errorf("reading: %w", &taskrun.UndecodableError{Kind: "TaskRun", Namespace: "default", Name: "hello", Field: "status.endTime"})
	for name, objects := range map[string][]client.Object{
		"an object of the API server": {newProposal(nil)},
		"an object of the use cases":  {newProposal(nil), newObject("hello", object)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newProposalBench(t, nil, objects...)
			b.Live, b.runs.err = failingReader{b.objects, undecodable}, undecodable
			b.reconcile(t)
			b.clock.SetTime(start.Add(time.Hour))
			if result := b.reconcile(t); result.RequeueAfter != maxRecheckDelay {
				t.Errorf("result = %+v, want a look after %v", result, maxRecheckDelay)
			}
			if got := b.stored(t).Status; got.Verdict != "" {
				t.Errorf("status = %+v, want none", got)
			}
		})
	}
}

// failingReader reads nothing.
type failingReader struct {
	client.Reader
	err error
}

func (f failingReader) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return f.err
}

func TestReconcileProposal_deletesEvaluatedProposalAfterTTL(t *testing.T) {
	t.Parallel()
	evaluated := func(p *v1alpha1.StateProposal) {
		p.Status.Verdict, p.Status.EvaluatedTime = "Accepted", new(v1alpha1.NewMicroTime(start))
	}
	cases := map[string]struct {
		ttl, age  time.Duration
		shown     time.Duration // from the verdict to the write of the status
		wantGone  bool
		wantAfter time.Duration
	}{
		"kept until then": {ttl: time.Hour, age: time.Hour - time.Minute, wantAfter: time.Minute},
		"deleted then":    {ttl: time.Hour, age: time.Hour, wantGone: true},
		"kept forever":    {age: 1000 * time.Hour},
		"the TTL starts with the write of the verdict": {
			ttl: time.Hour, age: 49 * time.Hour, shown: 48*time.Hour + time.Minute, wantAfter: time.Minute,
		},
		"a clock that is behind does not extend the TTL": {ttl: time.Minute, age: -time.Hour, wantAfter: time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProposal(evaluated)
			p.Status.Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionEvaluated, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(start.Add(tc.shown)),
			}}
			b := newProposalBench(t, nil, p)
			b.ProposalTTL = tc.ttl
			b.clock.SetTime(start.Add(tc.age))
			if result := b.reconcile(t); result.RequeueAfter != tc.wantAfter {
				t.Errorf("result = %+v, want %v", result, tc.wantAfter)
			}
			if gone := b.stored(t) == nil; gone != tc.wantGone {
				t.Errorf("gone = %v", gone)
			}
		})
	}
}

func TestReconcileProposal_doesNotRewriteSameWait(t *testing.T) {
	t.Parallel()
	b := newProposalBench(t, newRun(nil), newObject("hello", object), newProposal(nil))
	b.runs.waits(orchestration.Decision{Reason: "full", Delay: time.Second, AwaitsSlots: true})
	b.reconcile(t)
	first := b.stored(t).ResourceVersion
	for i := range 5 {
		b.clock.SetTime(start.Add(time.Duration(i) * time.Minute))
		b.reconcile(t)
	}
	if got := b.stored(t).ResourceVersion; got != first {
		t.Errorf("version = %s, want %s", got, first)
	}
}

func TestReconcileProposal_ignoresUndecodableProposal(t *testing.T) {
	t.Parallel()
	stub := newProposal(func(p *v1alpha1.StateProposal) {
		p.Labels, p.Spec = map[string]string{"undecodable": "true"}, v1alpha1.StateProposalSpec{}
	})
	b := newProposalBench(t, newRun(nil), newObject("hello", object), stub)
	before := b.stored(t).ResourceVersion
	for range 2 {
		if result := b.reconcile(t); result != (Result{}) {
			t.Errorf("result = %+v, want that the next change is waited for", result)
		}
		b.clock.SetTime(b.clock.Now().Add(time.Hour))
	}
	if p := b.stored(t); p == nil || p.ResourceVersion != before || len(b.runs.seen) != 0 {
		t.Errorf("the proposal is %+v, %d evaluations", p, len(b.runs.seen))
	}
}
