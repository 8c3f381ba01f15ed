package controller

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// ProposalName is the name of the controller of StateProposals in logs, metrics
// and Events.
const ProposalName = "stateproposal-controller"

// Proposals has the use cases of one namespace for proposals. *usecase.Service
// implements it.
type Proposals interface {
	// Get returns the run with this id, or ErrNotFound.
	Get(ctx context.Context, id string) (*taskrun.Run, error)
	// EvaluateProposal evaluates the proposal once; see usecase.Service.
	EvaluateProposal(ctx context.Context, id string, p taskrun.NamedProposal) (usecase.Evaluation, error)
}

// ProposalMetrics counts evaluations, after the decision was written.
type ProposalMetrics interface {
	// ProposalEvaluated counts a final verdict on a StateProposal.
	ProposalEvaluated(verdict orchestration.Status)
	// ProposalExpired counts a StateProposal deleted after --proposal-ttl.
	ProposalExpired()
}

// ProposalReconciler evaluates StateProposals and deletes them --proposal-ttl
// after their verdict. The decision is recorded in the run, together with the new
// state; the status of the proposal repeats it. So a restart between the two
// writes evaluates nothing twice.
type ProposalReconciler struct {
	Options
	// OnChange is that of a Reconciler.
	OnChange func(taskrun.ObjectChanged) (stop func())
	// Objects reads StateProposals from the cache, and TaskRuns from the index.
	Objects client.Reader
	// Live reads TaskRuns from the API server.
	Live client.Reader
	// Writer writes the status of StateProposals and deletes them.
	Writer client.Client
	// Ready returns an error until the use cases see all runs.
	Ready func(context.Context) error
	// Proposals and FlowProposals return the use cases of a namespace.
	Proposals     func(namespace string) Proposals
	FlowProposals func(namespace string) FlowProposals
	// FlowRun and OnFlowRunChange are Object and OnChange of a FlowReconciler.
	FlowRun         func(namespace, name string) *flowrun.Object
	OnFlowRunChange func(flowrun.ObjectChanged) (stop func())
	// Convert returns the proposal of an object.
	Convert func(*v1alpha1.StateProposal) taskrun.NamedProposal
	// Undecodable reports whether an object of the cache is a placeholder for a
	// StateProposal that cannot be decoded.
	Undecodable func(metav1.Object) bool
	Clock       clock.PassiveClock
	Events      events.EventRecorder
	Metrics     ProposalMetrics
	// Trace wraps the reconciler with traces; nil for none.
	Trace func(reconcile.Reconciler) reconcile.Reconciler

	absent absences
	waits  waits
}

// Reconcile evaluates one StateProposal, or deletes it after --proposal-ttl.
func (r *ProposalReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	proposal := &v1alpha1.StateProposal{}
	if err := r.Objects.Get(ctx, req.NamespacedName, proposal); err != nil {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !proposal.DeletionTimestamp.IsZero() || r.Undecodable(proposal) {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if evaluated(proposal) {
		r.forget(req.NamespacedName)
		return r.expire(ctx, proposal)
	}
	result, err := r.evaluate(ctx, proposal)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return requeueAfter(afterConflict), nil // the cache is stale, or the proposal was deleted
	}
	return conclude(ctx, result, err)
}

// forget removes the records of a proposal.
func (r *ProposalReconciler) forget(proposal types.NamespacedName) {
	r.absent.end(proposal)
	r.waits.end(proposal)
}

// evaluated reports whether the proposal has its final verdict.
func evaluated(p *v1alpha1.StateProposal) bool {
	return p.Status.Verdict != "" && p.Status.Verdict != v1alpha1.VerdictWaiting
}

// appliedTogether is the time for which a proposal waits for a run that does not exist.
// One manifest may create both.
const appliedTogether = 5 * time.Second

// evaluate finds the run, evaluates the proposal and writes the verdict.
func (r *ProposalReconciler) evaluate(ctx context.Context, p *v1alpha1.StateProposal) (ctrl.Result, error) {
	if copied(p) {
		return r.abort(ctx, p, copiedReason)
	}
	age := r.waits.begin(p, r.Clock.Now())
	run, reason, err := r.target(ctx, p)
	switch {
	case err != nil:
		return ctrl.Result{}, err
	case reason != "":
		r.absent.end(client.ObjectKeyFromObject(p))
		return r.abort(ctx, p, reason)
	case run == nil:
		return awaitRun(r.absent.begin(client.ObjectKeyFromObject(p), r.Clock.Now())), nil
	}
	r.absent.end(client.ObjectKeyFromObject(p))
	return r.evaluateFor(ctx, p, run, interval(age))
}

// evaluateFor is evaluate for an existing run. A waiting proposal is evaluated again
// after the given time at the latest.
func (r *ProposalReconciler) evaluateFor(
	ctx context.Context, p *v1alpha1.StateProposal, run *target, again time.Duration,
) (ctrl.Result, error) {
	if early := r.untilRetry(p, run); early > 0 {
		r.waits.in(p, run.stateID)
		return requeueAfter(min(early, again)), nil
	}
	named := r.Convert(p)
	named.Object = run.ref.UID
	evaluate := r.evaluateTaskRun
	if p.Spec.TargetRef.Kind == v1alpha1.KindFlowRun {
		evaluate = r.evaluateFlowRun
	}
	evaluation, err := evaluate(ctx, p.Namespace, run.id, named)
	switch {
	case errors.Is(err, usecase.ErrNoFlowRun):
		return r.abort(ctx, p, "The TaskRun cannot change its state: "+err.Error()+". Create that flow run, or delete the TaskRun.")
	case errors.Is(err, taskrun.ErrNotFound):
		return requeueAfter(recheckDelay), nil // deleted a moment ago
	case taskrun.NeverStored(err):
		return r.abort(ctx, p, "The "+p.Spec.TargetRef.Kind+" cannot store the verdict: "+err.Error())
	case err != nil:
		return ctrl.Result{}, err
	case evaluation.final == nil:
		return r.wait(ctx, p, evaluation, again)
	}
	if evaluation.recorded {
		r.Metrics.ProposalEvaluated(evaluation.final.Verdict)
		r.emit(p, evaluation)
	}
	return ctrl.Result{}, r.write(ctx, p, decided(p, evaluation))
}

// untilRetry returns the time until a waiting proposal is evaluated again: 0 if the run
// has entered another state since.
func (r *ProposalReconciler) untilRetry(p *v1alpha1.StateProposal, run *target) time.Duration {
	status := &p.Status
	if status.RetryTime == nil || status.WaitingStateID != run.stateID {
		return 0
	}
	return status.RetryTime.Sub(r.Clock.Now())
}

// wait writes that the proposal waits, unless its status already has that.
func (r *ProposalReconciler) wait(
	ctx context.Context, p *v1alpha1.StateProposal, evaluation *verdict, again time.Duration,
) (ctrl.Result, error) {
	now := r.Clock.Now()
	status := waiting(evaluation, now)
	r.waits.in(p, status.WaitingStateID)
	if status.RetryTime != nil {
		again = min(again, status.RetryTime.Sub(now))
	}
	if sameWait(&p.Status, &status) {
		return requeueAfter(again), nil
	}
	if p.Status.Reason != status.Reason {
		r.emit(p, evaluation)
	}
	return requeueAfter(again), r.write(ctx, p, status)
}

// shownSince returns when the verdict was written to the proposal. It can be later than
// the verdict itself, if the run had decided on an earlier proposal of this name. A user
// who waits for the condition must have time to read it.
func shownSince(p *v1alpha1.StateProposal) (since time.Time) {
	if p.Status.EvaluatedTime != nil {
		since = p.Status.EvaluatedTime.Time
	}
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionEvaluated); c != nil && c.LastTransitionTime.After(since) {
		since = c.LastTransitionTime.Time
	}
	return since
}

// expire deletes a proposal --proposal-ttl after its verdict was written.
func (r *ProposalReconciler) expire(ctx context.Context, p *v1alpha1.StateProposal) (ctrl.Result, error) {
	since := shownSince(p)
	if r.ProposalTTL == 0 || since.IsZero() {
		return ctrl.Result{}, nil
	}
	age := r.Clock.Now().Sub(since)
	if age < r.ProposalTTL {
		return requeueAfter(min(r.ProposalTTL-age, r.ProposalTTL)), nil
	}
	err := r.Writer.Delete(ctx, p, client.Preconditions{UID: &p.UID, ResourceVersion: &p.ResourceVersion})
	if err == nil {
		r.Metrics.ProposalExpired()
	}
	if apierrors.IsConflict(err) {
		return requeueAfter(afterConflict), nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// Controller returns a controller for one term as the leader, which can be started once.
// The ProposalReconciler is for that term alone.
func (r *ProposalReconciler) Controller(mgr ctrl.Manager) (manager.Runnable, error) {
	o := termOptions{cache: &termCache{Cache: mgr.GetCache()}, concurrency: r.Concurrency, ready: r.Ready, trace: r.Trace}
	proposals := source.Kind(o.cache, &v1alpha1.StateProposal{}, &handler.TypedEnqueueRequestForObject[*v1alpha1.StateProposal]{})
	return newController(mgr, ProposalName, r, o, proposals, r.runChanges(), r.flowRunChanges())
}
