package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// proposalReasons are the reasons of the Events on runs about proposals.
var proposalReasons = map[orchestration.Status]string{
	orchestration.Accept: v1alpha1.ReasonProposalAccepted,
	orchestration.Reject: v1alpha1.ReasonProposalRejected,
	orchestration.Abort:  v1alpha1.ReasonProposalAborted,
	orchestration.Wait:   v1alpha1.ReasonProposalWaiting,
}

// emit emits an Event on the run about the verdict.
func (r *ProposalReconciler) emit(p *v1alpha1.StateProposal, evaluation *verdict) {
	kind := corev1.EventTypeNormal
	if evaluation.status == orchestration.Reject || evaluation.status == orchestration.Abort {
		kind = corev1.EventTypeWarning
	}
	r.Events.Eventf(evaluation.object(p.Namespace), p, kind, proposalReasons[evaluation.status], actionEvaluate,
		"%s", truncateNote(proposalNote(p, evaluation)))
}

// proposalNote returns the text of the Event, such as "StateProposal cancel-1 by alice
// accepted: state changed from RUNNING to CANCELLED".
func proposalNote(p *v1alpha1.StateProposal, evaluation *verdict) string {
	who := "StateProposal " + p.Name
	if p.Spec.Proposer != "" {
		who += " by " + p.Spec.Proposer
	}
	reason, before, after := evaluation.reason, label(evaluation.before), label(evaluation.after)
	switch {
	case evaluation.status == orchestration.Accept:
		return fmt.Sprintf("%s accepted: state changed from %s to %s", who, before, after)
	case evaluation.status == orchestration.Wait:
		return fmt.Sprintf("%s waiting to enter %s: %s", who, p.Spec.State.Type, reason)
	case evaluation.written:
		return fmt.Sprintf("%s rejected: %s (state changed from %s to %s)", who, reason, before, after)
	case evaluation.status == orchestration.Reject:
		return fmt.Sprintf("%s rejected: %s", who, reason)
	default:
		return fmt.Sprintf("%s aborted: %s", who, reason)
	}
}
