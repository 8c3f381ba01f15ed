package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// proposalReasons are the reasons of the Events on TaskRuns about proposals.
var proposalReasons = map[orchestration.Status]string{
	orchestration.Accept: v1alpha1.ReasonProposalAccepted,
	orchestration.Reject: v1alpha1.ReasonProposalRejected,
	orchestration.Abort:  v1alpha1.ReasonProposalAborted,
	orchestration.Wait:   v1alpha1.ReasonProposalWaiting,
}

// emit emits an Event on the run about the verdict.
func (r *ProposalReconciler) emit(p *v1alpha1.StateProposal, evaluation usecase.Evaluation) {
	run, status := evaluation.Run, evaluation.Decision.Status
	regarding := &v1alpha1.TaskRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindTaskRun},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: run.Ref.Name, UID: types.UID(run.Ref.UID)},
	}
	kind := corev1.EventTypeNormal
	if status == orchestration.Reject || status == orchestration.Abort {
		kind = corev1.EventTypeWarning
	}
	note := proposalNote(p, evaluation)
	r.Events.Eventf(regarding, p, kind, proposalReasons[status], actionEvaluate, "%s", truncateNote(note))
}

// proposalNote returns the text of the Event, such as "StateProposal cancel-1 by alice
// accepted: state changed from RUNNING to CANCELLED".
func proposalNote(p *v1alpha1.StateProposal, evaluation usecase.Evaluation) string {
	who := "StateProposal " + p.Name
	if p.Spec.Proposer != "" {
		who += " by " + p.Spec.Proposer
	}
	decision, before := evaluation.Decision, evaluation.Before
	switch {
	case decision.Status == orchestration.Accept:
		return fmt.Sprintf("%s accepted: state changed from %s to %s", who, label(before), label(evaluation.Run.State))
	case decision.Status == orchestration.Wait:
		return fmt.Sprintf("%s waiting to enter %s: %s", who, p.Spec.State.Type, decision.Reason)
	case evaluation.Written:
		return fmt.Sprintf("%s rejected: %s (state changed from %s to %s)", who, decision.Reason, label(before), label(evaluation.Run.State))
	case decision.Status == orchestration.Reject:
		return fmt.Sprintf("%s rejected: %s", who, decision.Reason)
	default:
		return fmt.Sprintf("%s aborted: %s", who, decision.Reason)
	}
}
