package controller

import (
	"context"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Name is the controller's name in logs, metrics and Events.
const Name = "taskrun-controller"

const (
	// A failed reconciliation is tried again after firstRetry, twice that, and
	// so on up to lastRetry: an API server that was gone for long is found back
	// within lastRetry.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	// callTimeout bounds one reconciliation, so that a call that hangs does not
	// hold a worker for good.
	callTimeout = time.Minute
)

// Metrics hears what the controller did, after it was written.
type Metrics interface {
	// RunExpired counts a run deleted after its TTL.
	RunExpired()
}

// Reconciler keeps TaskRuns in step with their spec and with time. It holds no
// state that matters: it can be stopped at any instruction and started anywhere.
type Reconciler struct {
	Options
	// Objects reads TaskRun objects from the cache.
	Objects client.Reader
	// Live reads TaskRun objects from the API server.
	Live client.Reader
	// Writer writes the condition Stalled.
	Writer client.StatusClient
	// Ready tells whether the use cases see all runs; the controller starts when
	// they do.
	Ready func(context.Context) error
	// Runs returns the use cases within a namespace.
	Runs func(namespace string) Runs
	// OnRuleChange registers a function that is called with a namespace when the
	// default TTL of its finished runs changes.
	OnRuleChange func(func(namespace string))
	// OnShadowed registers a function that is called with the namespace and name of
	// each object that is not the run of its id any more.
	OnShadowed func(func(namespace, name string))
	// Clock is the program's clock.
	Clock taskrun.Clock
	// Quiet tells how long no client of this replica has written; 0 while one does.
	Quiet func() time.Duration
	// Events takes the Events about runs.
	Events events.EventRecorder
	// Metrics hears what was done.
	Metrics Metrics
	// Trace wraps the reconciler to show what it does as traces; nil for none.
	Trace func(reconcile.Reconciler) reconcile.Reconciler

	pace       pacer
	corrected  corrections
	references references
}

// Reconcile looks at one TaskRun: at its start, at every change, and when a step
// asked for it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	s, result, err := r.observe(ctx, req.NamespacedName)
	if err == nil && s != nil {
		result, err = r.work(ctx, s)
	}
	return conclude(ctx, result, err)
}

// work takes the steps, in order; the soonest wait wins, the first error ends.
func (r *Reconciler) work(ctx context.Context, s *scope) (Result, error) {
	var total Result
	for _, step := range r.steps() {
		result, err := step(ctx, s)
		if err != nil {
			return Result{}, err
		}
		total = soonest(total, result)
	}
	return total, nil
}

func (r *Reconciler) steps() []step {
	return []step{
		r.resolveInputs,                                   // before the others write, so that one write is enough
		materialise(r.Clock, r.Quiet, r.Options),          // after those that write more: then it has nothing to do
		expire(r.Clock, &r.pace, &r.corrected, r.Metrics), // last: it removes what the others work on
	}
}

// Controller returns a controller for one term as the leader, which can be started once.
// The Reconciler is for that term alone.
func (r *Reconciler) Controller(mgr ctrl.Manager) (manager.Runnable, error) {
	o := termOptions{cache: &termCache{Cache: mgr.GetCache()}, concurrency: r.Concurrency, ready: r.Ready, trace: r.Trace}
	named := source.Kind(o.cache, &v1alpha1.TaskRun{}, r.references.events())
	return newController(mgr, Name, &v1alpha1.TaskRun{}, r, o, named, r.ruleChanges(), r.shadowings())
}
