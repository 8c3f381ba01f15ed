package controller

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// The objects that exist at the start go behind those that change. Nothing that changes
// while the objects are read is missed, and the source stops with its context.
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

// Each object of the first list is in the queue, whatever kind the queue is.
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
