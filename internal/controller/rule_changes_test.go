package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestAChangedRuleBringsFinishedRunsBack(t *testing.T) {
	t.Parallel()
	queues := map[string]struct {
		queue        workqueue.TypedRateLimitingInterface[reconcile.Request]
		wantPriority int
	}{
		"a queue with priorities": {priorityqueue.New[reconcile.Request]("test"), handler.LowPriority},
		"a queue without": {workqueue.NewTypedRateLimitingQueue(
			workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()), 0},
	}
	for name, tc := range queues {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer tc.queue.ShutDown()
			b := newBench(nil)
			b.runs.finished = []string{"hello"}
			var changed func(string)
			b.OnRuleChange = func(f func(string)) { changed = f }
			if err := b.ruleChanges().Start(t.Context(), tc.queue); err != nil {
				t.Fatal(err)
			}
			changed("team")
			var got reconcile.Request
			priority := 0
			if priorities, ok := tc.queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
				got, priority, _ = priorities.GetWithPriority()
			} else {
				got, _ = tc.queue.Get()
			}
			if diff := cmp.Diff("team/hello", got.String()); diff != "" || priority != tc.wantPriority {
				t.Errorf("priority %d, want %d, request (-want +got):\n%s", priority, tc.wantPriority, diff)
			}
		})
	}
}

func TestAChangedRuleThatCannotBeListedChangesNothing(t *testing.T) {
	t.Parallel()
	queue := priorityqueue.New[reconcile.Request]("test")
	defer queue.ShutDown()
	b := newBench(nil)
	b.runs.errs["FinishedWithoutTTL"] = taskrun.ErrUnavailable
	b.OnRuleChange = func(changed func(string)) { changed("team") }
	if err := b.ruleChanges().Start(t.Context(), queue); err != nil || queue.Len() != 0 {
		t.Errorf("error %v, %d requests, want neither", err, queue.Len())
	}
}
