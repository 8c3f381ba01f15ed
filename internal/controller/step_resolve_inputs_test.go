package controller

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const otherID = "0198a1b2-0000-7000-8000-000000000002"

// naming gives a run inputs from TaskRuns of these names.
func naming(stale bool, names ...string) func(*taskrun.Run) {
	return func(r *taskrun.Run) {
		var sources []taskrun.TaskInput
		for _, name := range names {
			sources = append(sources, taskrun.TaskInput{InputType: taskrun.InputTaskRun, Name: name})
		}
		r.StatusStale = stale
		r.SetNamed(taskrun.NewNamedInputs([]taskrun.Argument{{Name: "x", Sources: sources}}, nil))
	}
}

// addOther adds a TaskRun and its run.
func (b *fixture) addOther(name string, created time.Time, change func(*v1alpha1.TaskRun, *taskrun.Run)) {
	o := newObject(name, types.UID("uid-of-"+name))
	o.Spec.ID, o.CreationTimestamp = otherID, metav1.NewTime(created)
	run := &taskrun.Run{ID: otherID, Created: created, Ref: taskrun.ObjectRef{UID: string(o.UID), ResourceVersion: "100", Name: name}}
	if change != nil {
		change(o, run)
	}
	b.objects[name] = o
	b.runs.more = append(b.runs.more, run)
}

func TestResolveInputs(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Minute)
	notFound := func(names string) []string {
		return []string{"Normal InputNotFound spec.taskInputs names TaskRuns that were not found: " + names +
			". REST leaves these sources out until another TaskRun of the name exists in this namespace"}
	}
	cases := map[string]struct {
		run        func(*taskrun.Run)
		other      func(*v1alpha1.TaskRun, *taskrun.Run)
		noOther    bool
		created    time.Time // creation time of the other run
		now        time.Time
		wantIDs    []string
		wantCalls  []string
		wantAfter  time.Duration
		wantEvents []string
	}{
		"a run without named inputs costs nothing": {run: nil, now: later},
		"one write with the first status": {
			run: naming(true, "other"), created: start, now: later, wantIDs: []string{otherID}, wantCalls: []string{"ResolveInputs"},
		},
		"after the write delay of the run": {
			run: naming(true, "other"), created: start, now: start.Add(200 * time.Millisecond), wantIDs: []string{""}, wantAfter: 300 * time.Millisecond,
		},
		"after the write delay of the other run": {
			run: naming(false, "other"), created: later, now: later.Add(100 * time.Millisecond), wantIDs: []string{""}, wantAfter: 400 * time.Millisecond,
		},
		"for a run with a written status": {
			run: naming(false, "other"), created: start, now: later, wantIDs: []string{otherID}, wantCalls: []string{"ResolveInputs"},
		},
		"each source with the same name": {
			run: naming(true, "other", "missing", "other"), created: start, now: later, wantIDs: []string{otherID, "", otherID},
			wantCalls: []string{"ResolveInputs"}, wantEvents: notFound("missing"),
		},
		"not without the other run; the first status has the message": {
			run: naming(true, "other"), noOther: true, now: later, wantIDs: []string{""}, wantCalls: []string{"ResolveInputs"}, wantEvents: notFound("other"),
		},
		"not without the other run, and without a second write": {run: naming(false, "other"), noOther: true, now: later, wantIDs: []string{""}},
		"not for the run itself": {
			run: naming(true, "hello"), now: later, wantIDs: []string{""}, wantCalls: []string{"ResolveInputs"},
			wantEvents: notFound("hello (this TaskRun itself)"),
		},
		"not for a duplicate of another run, whose change requeues the run": {
			run: naming(false, "other"), created: start, now: later, wantIDs: []string{""},
			other: func(_ *v1alpha1.TaskRun, run *taskrun.Run) {
				run.Ref = taskrun.ObjectRef{UID: "uid-of-first", Name: "first"}
			},
		},
		"not for an object whose run was deleted": {
			run: naming(false, "other"), created: later, now: later, wantIDs: []string{""},
			other: func(o *v1alpha1.TaskRun, _ *taskrun.Run) { o.Spec.ID = "0198a1b2-0000-7000-8000-000000000003" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(tc.run), newObject("hello", object))
			if !tc.noOther {
				b.addOther("other", tc.created, tc.other)
			}
			b.clock.SetTime(tc.now)
			for range 2 {
				result, err := reconcileHello(t, b)
				check(t, result, err, tc.wantAfter)
			}
			var ids []string
			if b.runs.run.Named != nil {
				ids = b.runs.run.Named.IDs
			}
			if diff := cmp.Diff(tc.wantIDs, ids); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantEvents, b.recorded()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolveInputs_requeuesInputThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		call      string
		err       error
		wantErr   bool
		wantCalls []string
	}{
		"the run cannot be read":       {"Get " + otherID, taskrun.ErrUnavailable, true, nil},
		"the run cannot be decoded":    {"Get " + otherID, fmt.Errorf("reading: %w", &taskrun.UndecodableError{Kind: "TaskRun"}), false, nil},
		"the status cannot be written": {"ResolveInputs", taskrun.ErrUnavailable, true, []string{"ResolveInputs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(newRun(naming(false, "other")), newObject("hello", object))
			b.addOther("other", start, nil)
			b.clock.SetTime(start.Add(time.Minute))
			b.runs.errs[tc.call] = tc.err
			_, err := reconcileHello(t, b)
			if errors.Is(err, taskrun.ErrUnavailable) != tc.wantErr {
				t.Errorf("error %v, want one: %t", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if got := b.recorded(); len(got) > 0 {
				t.Errorf("events = %v, want none", got)
			}
		})
	}
}

// fakeQueue records the added items.
type fakeQueue struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	added []string
}

func (q *fakeQueue) Add(r reconcile.Request) { q.added = append(q.added, r.Name) }

// The creation of a TaskRun requeues the runs that name it, until they have found it
// or are deleted.
func TestReferences_requeueRunsThatNameTaskRun(t *testing.T) {
	t.Parallel()
	b := newFixture(newRun(naming(false, "other", "third")), newObject("hello", object))
	b.clock.SetTime(start.Add(time.Minute))
	reconcileAgain := func() {
		if _, err := reconcileHello(t, b); err != nil {
			t.Fatal(err)
		}
	}
	b.EachObject = func(func(namespace, name string)) {}
	queue := &fakeQueue{}
	change := startChanges(t, b.changes, &b.OnChange, queue)
	woken := func(name, namespace string) []string {
		queue.added = nil
		if change(namespace, name, nil); len(queue.added) == 0 || queue.added[0] != name {
			t.Fatalf("a change of %s requeues %v, want the object itself first", name, queue.added)
		}
		return queue.added[1:]
	}
	want := func(when string, other, third []string) {
		t.Helper()
		if got := woken("other", "default"); !slices.Equal(got, other) {
			t.Errorf("%s: other wakes %v, want %v", when, got, other)
		}
		if got := woken("third", "default"); !slices.Equal(got, third) {
			t.Errorf("%s: third wakes %v, want %v", when, got, third)
		}
	}
	hello := []string{"hello"}
	want("before the first look", nil, nil)
	reconcileAgain()
	want("after the first look", hello, hello)
	if got := woken("other", "elsewhere"); len(got) > 0 {
		t.Errorf("one in another namespace wakes %v", got)
	}
	b.addOther("other", start, nil)
	reconcileAgain()
	reconcileAgain() // after the event of its own write
	want("after it was found", nil, hello)
	delete(b.objects, "hello")
	reconcileAgain() // after the event of the deletion
	want("after the run was deleted", nil, nil)
}
