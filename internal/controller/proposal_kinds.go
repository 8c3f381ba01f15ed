package controller

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// FlowProposals has the use cases of one namespace for proposals of flow runs.
// *flows.Service implements it.
type FlowProposals interface {
	// EvaluateProposal evaluates the proposal once; see flows.Service.
	EvaluateProposal(ctx context.Context, id string, p taskrun.NamedProposal) (flowrun.Evaluation, error)
}

// target is the run that a proposal is for, of any kind.
type target struct {
	id      string
	ref     taskrun.ObjectRef
	stateID string // of its current state
}

// verdict is the result of one evaluation of a proposal, for a run of any kind.
type verdict struct {
	kind string
	ref  taskrun.ObjectRef // of the run
	// before and after are its states.
	before, after *orchestration.State

	status      orchestration.Status
	reason      string
	delay       time.Duration // with Wait
	awaitsSlots bool          // with Wait: it has no known end
	written     bool          // the call wrote a state

	final    *taskrun.ProposalDecision // as recorded; nil while the verdict is Wait
	recorded bool                      // the call wrote final
}

// object returns a reference to the run for Events.
func (v *verdict) object(namespace string) runtime.Object {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: v.ref.Name, UID: types.UID(v.ref.UID)}
	kind := metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v.kind}
	if v.kind == v1alpha1.KindFlowRun {
		return &v1alpha1.FlowRun{TypeMeta: kind, ObjectMeta: meta}
	}
	return &v1alpha1.TaskRun{TypeMeta: kind, ObjectMeta: meta}
}

// evaluateTaskRun evaluates a proposal for a TaskRun.
func (r *ProposalReconciler) evaluateTaskRun(ctx context.Context, namespace, id string, p taskrun.NamedProposal) (*verdict, error) {
	e, err := r.Proposals(namespace).EvaluateProposal(ctx, id, p)
	if err != nil {
		return nil, err
	}
	decision := &e.Decision
	return &verdict{
		kind: v1alpha1.KindTaskRun, ref: e.Run.Ref, before: e.Before, after: e.Run.State,
		status: decision.Status, reason: decision.Reason, delay: decision.Delay, awaitsSlots: decision.AwaitsSlots,
		written: e.Written, final: e.Final, recorded: e.Recorded,
	}, nil
}

// evaluateFlowRun evaluates a proposal for a FlowRun.
func (r *ProposalReconciler) evaluateFlowRun(ctx context.Context, namespace, id string, p taskrun.NamedProposal) (*verdict, error) {
	e, err := r.FlowProposals(namespace).EvaluateProposal(ctx, id, p)
	if err != nil {
		return nil, err
	}
	return &verdict{
		kind: v1alpha1.KindFlowRun, ref: e.Run.Ref, before: e.Before, after: e.Run.State,
		status: e.Status, reason: e.Reason, delay: e.Delay, written: e.Written, final: e.Final, recorded: e.Recorded,
	}, nil
}

// flowRunTarget returns the FlowRun of a proposal, as target does. The index has all
// FlowRuns.
func (r *ProposalReconciler) flowRunTarget(p *v1alpha1.StateProposal) (run *target, reason string) {
	ref := p.Spec.TargetRef
	object := r.FlowRun(p.Namespace, ref.Name)
	switch {
	case object == nil && r.mayAppear(p):
		return nil, ""
	case object == nil:
		return nil, fmt.Sprintf("FlowRun %q does not exist in namespace %q.", ref.Name, p.Namespace)
	case object.Holder != nil:
		return nil, fmt.Sprintf("FlowRun %q has the id of FlowRun %q and is not a run of its own.", ref.Name, object.Holder.Ref.Name)
	case ref.UID != "" && ref.UID != object.Run.Ref.UID:
		return nil, fmt.Sprintf("FlowRun %q has another uid than targetRef.uid: it was deleted and created again.", ref.Name)
	case object.Run.FlowID == "", object.Run.State == nil:
		return nil, "" // not a run yet: its flow does not exist
	}
	return &target{id: object.Run.ID, ref: object.Run.Ref, stateID: object.Run.State.ID}, ""
}
