package controller

import (
	"context"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Name is the controller's name in logs, metrics and Events.
const Name = "taskrun-controller"

const (
	// A failed reconciliation is retried with exponential backoff from minRetry to
	// maxRetry.
	minRetry = 100 * time.Millisecond
	maxRetry = 5 * time.Second
	// callTimeout limits one reconciliation, so that a call that hangs does not block a
	// worker.
	callTimeout = time.Minute
)

// Metrics counts actions of the controller, after the write.
type Metrics interface {
	// RunExpired counts a run deleted after its TTL.
	RunExpired()
}

// Reconciler reconciles TaskRuns with their spec and with time. It keeps no persistent
// state: it can end at any instruction and start in any replica.
type Reconciler struct {
	Options
	// Objects reads what identifies TaskRun objects from the index. It does not find those
	// that are being deleted.
	Objects client.Reader
	// Live reads TaskRun objects from the API server.
	Live client.Reader
	// Writer writes the condition Stalled.
	Writer client.StatusClient
	// Ready returns an error until the use cases see all runs. The controller starts
	// after that.
	Ready func(context.Context) error
	// Runs returns the use cases within a namespace.
	Runs func(namespace string) Runs
	// OnRuleChange registers a function that is called with a namespace when the
	// default TTL of its finished runs changes.
	OnRuleChange func(func(namespace string))
	// OnChange calls a function for each object that changes in the index, under its lock
	// and until stop is called. The function must not read the index.
	OnChange func(taskrun.ObjectChanged) (stop func())
	// EachObject calls visit with the namespace and name of each object in the index.
	EachObject func(visit func(namespace, name string))
	// Clock is the clock of this replica.
	Clock clock.PassiveClock
	// IdleFor returns the time since the latest write of a client of this replica, 0
	// during a write.
	IdleFor func() time.Duration
	// OnIdle calls f when no client of this replica has written for that time since the
	// call, and since each later write, until stop is called. f must not block.
	OnIdle func(after time.Duration, f func()) (stop func())
	// Events emits the Events about runs.
	Events events.EventRecorder
	// Metrics counts actions.
	Metrics Metrics
	// Trace wraps the reconciler with traces; nil for none.
	Trace func(reconcile.Reconciler) reconcile.Reconciler

	backlog    backlogLimiter
	conflicts  expirationConflicts
	references references
	retries    retries
	waiting    idleWaits
}

// Reconcile reconciles one TaskRun: at the start of the controller, after every change,
// and when a step requeues it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.waiting.begin(req)
	defer r.endReconcile(req)
	s, result, err := r.observe(ctx, req.NamespacedName)
	if err == nil && s != nil {
		result, err = r.work(ctx, s)
	}
	return conclude(ctx, result, err)
}

// work runs the steps in order. The earliest requeue applies. The first error ends it.
func (r *Reconciler) work(ctx context.Context, s *scope) (Result, error) {
	var total Result
	for _, step := range r.steps() {
		result, err := step(ctx, s)
		if err != nil {
			return Result{}, err
		}
		total = earliest(total, result)
	}
	return total, nil
}

func (r *Reconciler) steps() []step {
	return []step{
		r.resolveInputs, // first: its write includes the status
		r.persistStatus, // second: no-op after an earlier write
		expire(r.Clock, &r.backlog, &r.conflicts, r.Metrics), // last: it deletes the run
	}
}

// Controller returns a controller for one term as the leader, which can be started once.
// The Reconciler is for that term alone.
func (r *Reconciler) Controller(mgr ctrl.Manager) (manager.Runnable, error) {
	o := termOptions{cache: &termCache{Cache: mgr.GetCache()}, concurrency: r.Concurrency, ready: r.Ready, trace: r.Trace, retries: &r.retries}
	return newController(mgr, Name, r, o, r.changes(), r.ruleChanges(), r.idleClients())
}
