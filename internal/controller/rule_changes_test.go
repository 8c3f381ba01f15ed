package controller

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestRuleChanges_requeueFinishedRuns(t *testing.T) {
	t.Parallel()
	queues := map[string]struct {
		queue        workqueue.TypedRateLimitingInterface[reconcile.Request]
		wantPriority int
	}{
		"a queue with priorities": {priorityqueue.New[reconcile.Request]("test"), handler.LowPriority},
		"a queue without priorities": {workqueue.NewTypedRateLimitingQueue(
			workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()), 0},
	}
	for name, tc := range queues {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer tc.queue.ShutDown()
			b := newFixture(nil)
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

// unlistedRuns fails this number of lists.
type unlistedRuns struct {
	*fakeRuns
	times atomic.Int32
}

func (u *unlistedRuns) FinishedWithoutTTL(ctx context.Context, visit func(string)) error {
	if u.times.Add(-1) >= 0 {
		return taskrun.ErrUnavailable
	}
	return u.fakeRuns.FinishedWithoutTTL(ctx, visit)
}

func TestRuleChanges_retryFailedList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		defer queue.ShutDown()
		b := newFixture(nil)
		b.runs.finished = []string{"hello"}
		runs := &unlistedRuns{fakeRuns: b.runs}
		runs.times.Store(4)
		b.Runs = func(string) Runs { return runs }
		b.OnRuleChange = func(changed func(string)) { changed("team") }
		if err := b.ruleChanges().Start(t.Context(), queue); err != nil || queue.Len() != 0 {
			t.Errorf("error %v, %d requests, want neither", err, queue.Len())
		}
		if got, _ := queue.Get(); got.String() != "team/hello" || runs.times.Load() != -1 {
			t.Errorf("request %v, %d tries left, want team/hello after the last", got, runs.times.Load())
		}
	})
}

// The retries end with the term: the next leader lists all runs.
func TestTerm_waitsForRetriesAtItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		defer queue.ShutDown()
		b := newFixture(nil)
		runs := &unlistedRuns{fakeRuns: b.runs}
		runs.times.Store(1000)
		b.Runs = func(string) Runs { return runs }
		var changed func(string)
		b.OnRuleChange = func(f func(string)) { changed = f }
		err := term{cache: &termCache{}, retries: &b.retries, inner: manager.RunnableFunc(func(ctx context.Context) error {
			if err := b.ruleChanges().Start(ctx, queue); err != nil {
				return err
			}
			changed("team")
			time.Sleep(maxRetry) //nolint:forbidigo // in a bubble it takes no time
			return nil
		})}.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left := runs.times.Load()
		changed("team")
		time.Sleep(time.Minute) //nolint:forbidigo // in a bubble it takes no time
		if got := runs.times.Load(); left > 999 || got != left {
			t.Errorf("%d lists during the term, %d after it, want some and none", 1000-left, left-got)
		}
	})
}
