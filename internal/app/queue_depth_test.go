package app

import (
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

func TestForgetQueues_removesDepthOfEndedQueue(t *testing.T) {
	t.Parallel()
	ended, other := priorityqueue.New[string]("ended"), priorityqueue.New[string]("other")
	t.Cleanup(other.ShutDown)
	for _, queue := range []priorityqueue.PriorityQueue[string]{ended, other} {
		queue.Add("one")
		queue.Add("two")
		queue.Get() // the second item is now counted in the queue
	}
	ended.ShutDown()
	if rows := rowsOf(t, "workqueue_depth"); !slices.Contains(rows, "ended") {
		t.Fatalf("rows = %q: the ended queue is forgotten already", rows)
	}
	if err := forgetQueues("ended"); err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(t, "workqueue_depth"); slices.Contains(rows, "ended") || !slices.Contains(rows, "other") {
		t.Errorf("rows = %q, want those of the other queue alone", rows)
	}
}
