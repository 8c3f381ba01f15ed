package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func reconcileHello(t *testing.T, b *bench) (Result, error) {
	t.Helper()
	return b.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "hello"}})
}

func TestObserveFindsNothingToDo(t *testing.T) {
	t.Parallel()
	behind := newRun(func(r *taskrun.Run) { r.Behind = true })
	onHold := newRun(func(r *taskrun.Run) {
		r.Behind, r.OnHold, r.TTL, r.State = true, true, new(time.Duration), newState(orchestration.Completed)
	})
	deleted := newObject("hello", object)
	deleted.DeletionTimestamp = &metav1.Time{Time: start}
	newer := newObject("hello", object)
	newer.ResourceVersion = "1000"
	cases := map[string]struct {
		run       *taskrun.Run
		objects   []*v1alpha1.TaskRun
		wantAfter time.Duration
	}{
		"when the object is gone":                        {run: behind},
		"when the object is being deleted":               {run: behind, objects: []*v1alpha1.TaskRun{deleted}},
		"as long as the run is on hold":                  {run: onHold, objects: []*v1alpha1.TaskRun{newObject("hello", object)}},
		"until the view has a new run":                   {objects: []*v1alpha1.TaskRun{newObject("hello", object)}, wantAfter: 6 * time.Second},
		"until the view is as new as the object":         {run: behind, objects: []*v1alpha1.TaskRun{newer}, wantAfter: lookAgain},
		"until the view sees the object made anew":       {run: behind, objects: []*v1alpha1.TaskRun{newObject("hello", "another")}, wantAfter: lookAgain},
		"until the view misses the object deleted first": {run: newRun(func(r *taskrun.Run) { r.Revision = taskrun.Revision{Object: "other", Key: "first"} }), objects: []*v1alpha1.TaskRun{newObject("hello", object)}, wantAfter: lookAgain},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(tc.run, tc.objects...)
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

func TestADuplicateIsToldSoAndLeftAlone(t *testing.T) {
	t.Parallel()
	first := newRun(func(r *taskrun.Run) {
		r.Behind = true
		r.Revision = taskrun.Revision{Object: "uid-of-first", Key: "first", Version: "7"}
	})
	b := newBench(first, newObject("hello", object), newObject("first", "uid-of-first"))
	b.clock.SetTime(start.Add(time.Minute))
	result, err := reconcileHello(t, b)
	check(t, result, err, checkDuplicate)
	want := []string{`Warning DuplicateID spec.id ` + runID +
		` belongs to TaskRun "first": this object is not a run; delete it or give it another id`}
	if diff := cmp.Diff(want, b.recorded()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if calls := b.runs.calls; len(calls) > 0 {
		t.Errorf("calls = %v, want none", calls)
	}
}

func TestAnObjectThatCannotBeDecodedIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBench(newRun(nil), newObject("hello", object))
	b.runs.errs["Get"] = fmt.Errorf("reading: %w", &taskrun.UndecodableError{Kind: "TaskRun", Name: "hello"})
	result, err := reconcileHello(t, b)
	check(t, result, err, 0)
	if calls := b.runs.calls; len(calls) > 0 {
		t.Errorf("calls = %v, want none", calls)
	}
}

func TestUntilItAppears(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ age, want time.Duration }{
		"a new object's run is looked for soon":        {0, lookAgain},
		"a clock that is behind makes it no later":     {-time.Hour, lookAgain},
		"an older object's run is looked for less":     {10 * time.Second, time.Second},
		"a run that never comes costs next to nothing": {24 * time.Hour, lookAgainAtMost},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := untilItAppears(tc.age).RequeueAfter; got != tc.want {
				t.Errorf("untilItAppears(%v) = %v, want %v", tc.age, got, tc.want)
			}
		})
	}
}

func TestStepsWorkOnWhatTheOnesBeforeThemWrote(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	run := newRun(func(r *taskrun.Run) {
		r.Behind, r.TTL, r.State, r.EndRecorded = true, &minute, newState(orchestration.Completed), start
	})
	b := newBench(run, newObject("hello", object))
	b.clock.SetTime(start.Add(minute))
	b.runs.expire = func(run *taskrun.Run) (time.Duration, bool) {
		if run.Behind {
			t.Error("Expire saw the run before its status was written")
		}
		return minute, false // the clock of another replica
	}
	result, err := reconcileHello(t, b)
	check(t, result, err, minute)
	if diff := cmp.Diff([]string{"Observe", "Expire"}, b.runs.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestTheFirstErrorEndsTheReconciliation(t *testing.T) {
	t.Parallel()
	b := newBench(newRun(func(r *taskrun.Run) {
		r.Behind, r.TTL, r.State = true, new(time.Duration), newState(orchestration.Completed)
	}), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Minute))
	b.runs.errs["Observe"] = taskrun.ErrUnavailable
	result, err := reconcileHello(t, b)
	if !errors.Is(err, taskrun.ErrUnavailable) || result != (Result{}) {
		t.Errorf("result = %+v, error %v, want only %v", result, err, taskrun.ErrUnavailable)
	}
	if diff := cmp.Diff([]string{"Observe"}, b.runs.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
