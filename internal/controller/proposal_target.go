package controller

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// target returns the run of a proposal. A reason means that the run does not exist and
// cannot appear. Without a run and a reason, the run does not exist yet, is on hold or
// cannot be decoded.
func (r *ProposalReconciler) target(ctx context.Context, p *v1alpha1.StateProposal) (*target, string, error) {
	if p.Spec.TargetRef.Kind == v1alpha1.KindFlowRun {
		run, reason := r.flowRunTarget(p)
		return run, reason, nil
	}
	run, reason, err := r.taskRunOrError(ctx, p)
	if _, undecodable := errors.AsType[*taskrun.UndecodableError](err); undecodable {
		return nil, "", nil // the store logs it, and it can be repaired
	}
	if run == nil {
		return nil, reason, err
	}
	return &target{id: run.ID, ref: run.Ref, stateID: run.State.ID}, reason, err
}

func (r *ProposalReconciler) taskRunOrError(ctx context.Context, p *v1alpha1.StateProposal) (run *taskrun.Run, reason string, err error) {
	ref := p.Spec.TargetRef
	object, err := r.object(ctx, p)
	switch {
	case apierrors.IsNotFound(err) && r.mayAppear(p):
		return nil, "", nil
	case apierrors.IsNotFound(err):
		return nil, fmt.Sprintf("TaskRun %q does not exist in namespace %q.", ref.Name, p.Namespace), nil
	case err != nil:
		return nil, "", err
	case ref.UID != "" && ref.UID != string(object.UID):
		return nil, fmt.Sprintf("TaskRun %q has another uid than targetRef.uid: it was deleted and created again.", ref.Name), nil
	}
	return r.runOf(ctx, p, object)
}

// runOf returns the run of an object, as target does.
func (r *ProposalReconciler) runOf(
	ctx context.Context, p *v1alpha1.StateProposal, object *v1alpha1.TaskRun,
) (run *taskrun.Run, reason string, err error) {
	run, err = r.Proposals(p.Namespace).Get(ctx, object.UUID())
	switch {
	case errors.Is(err, taskrun.ErrNotFound):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case run.OnHold:
		return nil, "", nil // evaluated when its status is restored
	case run.Ref.UID == string(object.UID):
		return run, "", nil
	}
	stalled, err := r.exists(ctx, p.Namespace, run.Ref)
	if err != nil || !stalled {
		return nil, "", err // that object was deleted since
	}
	return nil, fmt.Sprintf("TaskRun %q has the id of TaskRun %q and is not a run of its own.", object.Name, run.Ref.Name), nil
}

// mayAppear reports whether the missing run of the proposal may still be created
// together with it.
func (r *ProposalReconciler) mayAppear(p *v1alpha1.StateProposal) bool {
	if p.Spec.TargetRef.UID != "" || p.Status.Verdict != "" {
		return false
	}
	return r.absent.begin(client.ObjectKeyFromObject(p), r.Clock.Now()) < appliedTogether
}

// object reads the TaskRun of the proposal from the index, or from the API server if the
// index does not have it: the two may have been created together.
func (r *ProposalReconciler) object(ctx context.Context, p *v1alpha1.StateProposal) (*v1alpha1.TaskRun, error) {
	ref, object := p.Spec.TargetRef, &v1alpha1.TaskRun{}
	key := client.ObjectKey{Namespace: p.Namespace, Name: ref.Name}
	err := r.Objects.Get(ctx, key, object)
	if apierrors.IsNotFound(err) || (err == nil && ref.UID != "" && ref.UID != string(object.UID)) {
		object = &v1alpha1.TaskRun{}
		err = r.Live.Get(ctx, key, object)
	}
	return object, err
}

// exists reports whether the object of a run exists.
func (r *ProposalReconciler) exists(ctx context.Context, namespace string, revision taskrun.ObjectRef) (bool, error) {
	object := &v1alpha1.TaskRun{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: revision.Name}, object)
	return err == nil && string(object.UID) == revision.UID, client.IgnoreNotFound(err)
}
