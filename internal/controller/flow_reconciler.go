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

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// FlowRunName is the name of the controller of FlowRuns in logs, metrics and Events.
const FlowRunName = "flowrun-controller"

// FlowRuns has the use cases of one namespace that the controller needs. *flows.Service
// implements it. The functions that return a run return it as it is now, changed or not.
type FlowRuns interface {
	// PersistStatus writes the status of the run if it is missing or stale.
	PersistStatus(ctx context.Context, id string) (*flowrun.Run, error)
	// ExpirePause ends a run whose pause has timed out.
	ExpirePause(ctx context.Context, id string) (*flowrun.Run, error)
	// EndCancelling ends a run whose cancellation has timed out.
	EndCancelling(ctx context.Context, id string) (*flowrun.Run, error)
	// MarkLate marks a run as late that should have started.
	MarkLate(ctx context.Context, id string) (*flowrun.Run, error)
	// RepairCopy gives the task run that stands for a subflow the state of its run.
	RepairCopy(ctx context.Context, run *flowrun.Run) error
	// CancelChildren cancels the task runs and subflows of a run that is CANCELLED. more:
	// some are left.
	CancelChildren(ctx context.Context, run *flowrun.Run) (more bool, err error)
	// Expiration, FinishedWithoutTTL and Expire are those of Runs.
	Expiration(run *flowrun.Run) (at *time.Time, known bool)
	FinishedWithoutTTL(ctx context.Context, visit func(name string)) error
	Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error)
}

// FlowReconciler reconciles FlowRuns with their spec and with time, as Reconciler does
// TaskRuns. It keeps no persistent state.
type FlowReconciler struct {
	Options
	// Object returns what a FlowRun object stands for, from the index; nil if it does not
	// exist.
	Object func(namespace, name string) *flowrun.Object
	// OnChange calls a function for each FlowRun object that changes in the index, until
	// stop is called. The function must not read the index.
	OnChange func(flowrun.ObjectChanged) (stop func())
	// EachObject calls visit with the namespace and name of each FlowRun object in the
	// index.
	EachObject func(visit func(namespace, name string))
	// Runs returns the use cases within a namespace.
	Runs func(namespace string) FlowRuns
	// Ready, OnRuleChange, Clock, IdleFor, OnIdle and Trace are those of Reconciler.
	Ready        func(context.Context) error
	OnRuleChange func(func(namespace string))
	Clock        clock.PassiveClock
	IdleFor      func() time.Duration
	OnIdle       func(after time.Duration, f func()) (stop func())
	Trace        func(reconcile.Reconciler) reconcile.Reconciler
	// Expired is called for each run that was deleted after its TTL; nil: nothing is called.
	Expired func()
	// Events emits the Events about flow runs.
	Events events.EventRecorder
	// Live reads FlowRun objects from the API server, and Writer writes their condition
	// Stalled.
	Live   client.Reader
	Writer client.StatusClient

	backlog   backlogLimiter
	conflicts expirationConflicts
	retries   retries
	waiting   idleWaits
}

// flowScope is the data of one reconciliation of a FlowRun.
type flowScope struct {
	runs      FlowRuns
	request   reconcile.Request
	run       *flowrun.Run // after the previous steps
	keyHolder *flowrun.Run // has the idempotency key of the run; nil: the run itself

	moreChildren bool // the run is cancelled, and has children to cancel
}

// flowStep reconciles one part of a flow run. If nothing differs, it makes no call.
type flowStep func(ctx context.Context, s *flowScope) (Result, error)

// Reconcile reconciles one FlowRun: at the start of the controller, after every change,
// and when a step requeues it.
func (r *FlowReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.waiting.begin(req)
	defer func() { r.waiting.endWith(req, r.Concurrency, r.IdleFor()) }()
	object := r.Object(req.Namespace, req.Name)
	switch {
	case object == nil:
		return ctrl.Result{}, nil
	case object.Holder != nil, object.Run.FlowID == "":
		result, err := r.stall(ctx, req, object)
		return conclude(ctx, result, err)
	}
	s := &flowScope{runs: r.Runs(req.Namespace), request: req, run: object.Run, keyHolder: object.KeyHolder}
	result, err := r.work(ctx, s)
	return conclude(ctx, result, err)
}

// work runs the steps in order. The earliest requeue applies. The first error ends it.
func (r *FlowReconciler) work(ctx context.Context, s *flowScope) (Result, error) {
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

func (r *FlowReconciler) steps() []flowStep {
	return []flowStep{
		r.expirePause, // the deadlines first: their writes include the status
		r.endCancelling,
		r.markLate,
		r.persistStatus,
		r.repairCopy,
		r.cancelChildren,
		r.expire, // last: it deletes the run
	}
}

// Controller returns a controller for one term as the leader, which can be started once.
// The FlowReconciler is for that term alone.
func (r *FlowReconciler) Controller(mgr ctrl.Manager) (manager.Runnable, error) {
	o := termOptions{cache: &termCache{Cache: mgr.GetCache()}, concurrency: r.Concurrency, ready: r.Ready, trace: r.Trace, retries: &r.retries}
	return newController(mgr, FlowRunName, r, o, r.changes(), r.ruleChanges(), r.waiting.source(r.Concurrency, r.OnIdle))
}
