package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func reconcileHello(t *testing.T, b *fixture) (Result, error) {
	t.Helper()
	return b.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "hello"}})
}

func TestObserve_returnsNoScopeWithoutWork(t *testing.T) {
	t.Parallel()
	behind := newRun(func(r *taskrun.Run) { r.StatusStale = true })
	onHold := newRun(func(r *taskrun.Run) {
		r.StatusStale, r.OnHold, r.TTL, r.State = true, true, new(time.Duration), newState(orchestration.Completed)
	})
	cases := map[string]struct {
		run       *taskrun.Run
		objects   []*v1alpha1.TaskRun
		wantAfter time.Duration
	}{
		"when the object was deleted":             {run: behind},
		"when the run was deleted since":          {objects: []*v1alpha1.TaskRun{newObject("hello", object)}},
		"while the run is on hold":                {run: onHold, objects: []*v1alpha1.TaskRun{newObject("hello", object)}},
		"while the new object is not the run yet": {run: behind, objects: []*v1alpha1.TaskRun{newObject("hello", "another")}, wantAfter: recheckDelay},
		"while the first object is not found":     {run: newRun(func(r *taskrun.Run) { r.Ref = taskrun.ObjectRef{UID: "other", Name: "first"} }), objects: []*v1alpha1.TaskRun{newObject("hello", object)}, wantAfter: recheckDelay},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(tc.run, tc.objects...)
			b.clock.SetTime(start.Add(time.Minute))
			result, err := reconcileHello(t, b)
			check(t, result, err, tc.wantAfter)
			if calls := b.runs.calls; len(calls) > 0 {
				t.Errorf("calls = %v, want none", calls)
			}
			if got := b.recorded(); len(got) > 0 {
				t.Errorf("events = %v, want none", got)
			}
		})
	}
}

// newDuplicate returns a bench with "hello", whose id belongs to the run of
// "first".
func newDuplicate(change func(hello *v1alpha1.TaskRun)) *fixture {
	first := newRun(func(r *taskrun.Run) {
		r.StatusStale = true
		r.Ref = taskrun.ObjectRef{UID: "uid-of-first", Name: "first", ResourceVersion: "7"}
	})
	hello := newObject("hello", object)
	change(hello)
	b := newFixture(first, hello, newObject("first", "uid-of-first"))
	b.clock.SetTime(start.Add(time.Minute))
	return b
}

func TestReconcile_stallsDuplicate(t *testing.T) {
	t.Parallel()
	const note = "spec.id " + runID + ` belongs to TaskRun "first", so this object is not a run. Delete it, or create it again with another spec.id.`
	stalled := metav1.Condition{
		Type: "Stalled", Status: "True", Reason: "DuplicateID", Message: note, ObservedGeneration: 1,
		LastTransitionTime: metav1.NewTime(start.Add(time.Minute)),
	}
	told := []string{"Warning DuplicateID " + note}
	finished := metav1.Condition{Type: "Finished", Status: "True", Reason: "Completed", ObservedGeneration: 1}
	earlier := stalled
	earlier.LastTransitionTime = metav1.NewTime(start)
	conditions := func(all ...metav1.Condition) v1alpha1.TaskRunStatus {
		return v1alpha1.TaskRunStatus{ObservedGeneration: 1, Conditions: all}
	}
	for name, tc := range map[string]struct {
		change     func(*v1alpha1.TaskRun)
		want       []v1alpha1.TaskRunStatus
		wantEvents []string
	}{
		"a new duplicate": {func(*v1alpha1.TaskRun) {}, []v1alpha1.TaskRunStatus{conditions(stalled)}, told},
		"a duplicate that was the run before": {
			func(o *v1alpha1.TaskRun) { o.Status = conditions(finished) },
			[]v1alpha1.TaskRunStatus{conditions(finished, stalled)},
			told,
		},
		"a duplicate with the condition": {func(o *v1alpha1.TaskRun) { o.Status = conditions(earlier) }, nil, nil},
		"a duplicate that was changed": {
			func(o *v1alpha1.TaskRun) {
				o.Status = conditions(earlier)
				o.Generation = 2
			},
			[]v1alpha1.TaskRunStatus{func() v1alpha1.TaskRunStatus {
				later := earlier
				later.ObservedGeneration = 2
				return v1alpha1.TaskRunStatus{ObservedGeneration: 2, Conditions: []metav1.Condition{later}}
			}()},
			told,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newDuplicate(tc.change)
			for range 2 {
				result, err := reconcileHello(t, b)
				check(t, result, err, duplicateInterval)
			}
			if diff := cmp.Diff(tc.want, b.status.written); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantEvents, b.recorded()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if calls := b.runs.calls; len(calls) > 0 {
				t.Errorf("calls = %v, want none", calls)
			}
		})
	}
}

// An object with precedence can have become the run after the run was read.
func TestReconcile_objectWithPrecedenceIsNoDuplicate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		uid       types.UID // of the object
		name      string
		wantAfter time.Duration
	}{
		"its name is the id":                {object, runID, recheckDelay},
		"its UID is the id":                 {runID, "hello", recheckDelay},
		"neither":                           {object, "hello", duplicateInterval},
		"its name is the id of another run": {object, object, duplicateInterval},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newRun(func(r *taskrun.Run) {
				r.Ref = taskrun.ObjectRef{UID: "uid-of-first", Name: "first", ResourceVersion: "7"}
			})
			b := newFixture(first, newObject(tc.name, tc.uid), newObject("first", "uid-of-first"))
			b.clock.SetTime(start.Add(time.Minute))
			result, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: tc.name}})
			check(t, result, err, tc.wantAfter)
			if told := len(b.recorded()) > 0; told != (tc.wantAfter == duplicateInterval) {
				t.Errorf("a duplicate is told of: %t", told)
			}
		})
	}
}

func TestReconcile_emitsNoEventIfStallIsNotWritten(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Resource: "taskruns"}
	for name, tc := range map[string]struct {
		err       error
		wantAfter time.Duration
		wantErr   bool
	}{
		"changed in between":            {apierrors.NewConflict(resource, "hello", nil), recheckDelay, false},
		"deleted in between":            {apierrors.NewNotFound(resource, "hello"), recheckDelay, false},
		"the API server is unreachable": {apierrors.NewServiceUnavailable("away"), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newDuplicate(func(*v1alpha1.TaskRun) {})
			b.status.err = tc.err
			result, err := reconcileHello(t, b)
			if (err != nil) != tc.wantErr || result.RequeueAfter != tc.wantAfter {
				t.Errorf("result %+v, error %v", result, err)
			}
			if got := b.recorded(); len(got) > 0 {
				t.Errorf("events = %v, want none", got)
			}
		})
	}
}

func TestReconcile_ignoresUndecodableObject(t *testing.T) {
	t.Parallel()
	b := newFixture(newRun(nil), newObject("hello", object))
	b.runs.errs["Get"] = fmt.Errorf("reading: %w", &taskrun.UndecodableError{Kind: "TaskRun", Name: "hello"})
	result, err := reconcileHello(t, b)
	check(t, result, err, 0)
	if calls := b.runs.calls; len(calls) > 0 {
		t.Errorf("calls = %v, want none", calls)
	}
}

func TestAwaitRun(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ missing, want time.Duration }{
		"a new run is checked soon":                              {0, recheckDelay},
		"a clock that is behind does not delay the check":        {-time.Hour, recheckDelay},
		"a run that is missing for longer is checked less often": {10 * time.Second, time.Second},
		"the interval is limited":                                {24 * time.Hour, maxRecheckDelay},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := awaitRun(tc.missing).RequeueAfter; got != tc.want {
				t.Errorf("awaitRun(%v) = %v, want %v", tc.missing, got, tc.want)
			}
		})
	}
}

func TestWork_passesWrittenRunToNextStep(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	run := newRun(func(r *taskrun.Run) {
		r.StatusStale, r.TTL, r.State, r.EndRecorded = true, &minute, newState(orchestration.Completed), start
	})
	b := newFixture(run, newObject("hello", object))
	b.clock.SetTime(start.Add(minute))
	b.runs.expire = func(run *taskrun.Run) (time.Duration, bool) {
		if run.StatusStale {
			t.Error("Expire saw the run before its status was written")
		}
		return minute, false // the clock of another replica
	}
	result, err := reconcileHello(t, b)
	check(t, result, err, minute)
	if diff := cmp.Diff([]string{"PersistStatus", "Expire"}, b.runs.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestWork_stopsAtFirstError(t *testing.T) {
	t.Parallel()
	b := newFixture(newRun(func(r *taskrun.Run) {
		r.StatusStale, r.TTL, r.State = true, new(time.Duration), newState(orchestration.Completed)
	}), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Minute))
	b.runs.errs["PersistStatus"] = taskrun.ErrUnavailable
	result, err := reconcileHello(t, b)
	if !errors.Is(err, taskrun.ErrUnavailable) || result != (Result{}) {
		t.Errorf("result = %+v, error %v, want only %v", result, err, taskrun.ErrUnavailable)
	}
	if diff := cmp.Diff([]string{"PersistStatus"}, b.runs.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
