package controller

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// The objects that exist at the start have a lower priority than those that change. No
// change is missed while the objects are read, and the source stops with its context.
func TestChanges_requeueObjects(t *testing.T) {
	t.Parallel()
	queue := priorityqueue.New[reconcile.Request]("test")
	defer queue.ShutDown()
	b := newFixture(nil)
	var change taskrun.ObjectChanged
	stopped := make(chan struct{})
	b.OnChange = func(call taskrun.ObjectChanged) func() {
		change = call
		return func() { close(stopped) }
	}
	b.EachObject = func(visit func(namespace, name string)) {
		visit("team", "old")
		change("team", "new", nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := b.changes().Start(ctx, queue); err != nil {
		t.Fatal(err)
	}
	type request struct {
		name     string
		priority int
	}
	var got []request
	for range 2 {
		next, priority, _ := queue.GetWithPriority()
		got = append(got, request{next.String(), priority})
	}
	want := []request{{"team/new", 0}, {"team/old", handler.LowPriority}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{})); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	cancel()
	<-stopped
}

// Each object of the first list is in the queue, with any kind of queue.
func TestChanges_requeueObjectsWithoutPriorities(t *testing.T) {
	t.Parallel()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	b := newFixture(nil)
	b.OnChange = func(taskrun.ObjectChanged) func() { return func() {} }
	b.EachObject = func(visit func(namespace, name string)) {
		visit("team", "a")
		visit("other", "b")
	}
	if err := b.changes().Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 2 {
		next, _ := queue.Get()
		got = append(got, next.String())
	}
	if diff := cmp.Diff([]string{"team/a", "other/b"}, got); diff != "" || queue.Len() != 0 {
		t.Errorf("%d more, requests (-want +got):\n%s", queue.Len(), diff)
	}
}

// delayedQueue records the added items, with the delay and the priority.
type delayedQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	added []addition
}

type addition struct {
	name     string
	after    time.Duration
	priority int
}

func (q *delayedQueue) Add(request reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{}, request)
}

func (q *delayedQueue) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	for _, request := range requests {
		one := addition{name: request.String(), after: o.After}
		if o.Priority != nil {
			one.priority = *o.Priority
		}
		q.added = append(q.added, one)
	}
}

// A run that a client has just created over REST is reconciled when its status is due,
// because no step does anything before. The runs that wait for it are requeued at once.
func TestChanges_waitUntilSomethingIsDue(t *testing.T) {
	t.Parallel()
	const low = handler.LowPriority
	created := func(change func(*taskrun.Run)) *taskrun.Run {
		return newRun(func(r *taskrun.Run) {
			r.StatusStale, r.CreatedViaREST = true, true
			if change != nil {
				change(r)
			}
		})
	}
	cases := map[string]struct {
		age  time.Duration
		run  *taskrun.Run
		want addition
	}{
		"a run created over REST waits for its first status": {
			age: 100 * time.Millisecond, run: created(nil), want: addition{after: 400 * time.Millisecond, priority: low},
		},
		"a run whose status is due does not wait":      {age: 500 * time.Millisecond, run: created(nil)},
		"a run from the future does not wait":          {age: -time.Second, run: created(nil)},
		"a run whose status is written does not wait":  {run: created(func(r *taskrun.Run) { r.StatusStale = false })},
		"a run created with kubectl does not wait":     {run: created(func(r *taskrun.Run) { r.CreatedViaREST = false })},
		"a run whose spec has changed does not wait":   {run: created(func(r *taskrun.Run) { r.Ref.Generation = 2 })},
		"a run that is created finished can expire":    {run: created(func(r *taskrun.Run) { r.State = newState(orchestration.Completed) })},
		"a run whose inputs name others does not wait": {run: created(naming(true, "other"))},
		"an object that is not a run does not wait":    {},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(nil)
			b.clock.SetTime(start.Add(tc.age))
			b.EachObject = func(func(namespace, name string)) {}
			b.OnChange = func(call taskrun.ObjectChanged) func() {
				call("team", "hello", tc.run)
				return func() {}
			}
			b.references.set(types.NamespacedName{Namespace: "team", Name: "waits"}, []string{"hello"})
			queue := &delayedQueue{}
			if err := b.changes().Start(t.Context(), queue); err != nil {
				t.Fatal(err)
			}
			tc.want.name = "team/hello"
			want := []addition{tc.want, {name: "team/waits"}}
			if diff := cmp.Diff(want, queue.added, cmp.AllowUnexported(addition{})); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
