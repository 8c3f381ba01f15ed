package controller

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxReason is the longest status.reason, in characters.
const maxReason = 1024

// verdicts maps verdicts to their values in objects.
var verdicts = map[orchestration.Status]string{
	orchestration.Accept: v1alpha1.VerdictAccepted,
	orchestration.Reject: v1alpha1.VerdictRejected,
	orchestration.Abort:  v1alpha1.VerdictAborted,
	orchestration.Wait:   v1alpha1.VerdictWaiting,
}

// aborted returns the status of a proposal without a run.
func aborted(reason string, now time.Time) v1alpha1.StateProposalStatus {
	return v1alpha1.StateProposalStatus{Verdict: v1alpha1.VerdictAborted, Reason: reason, EvaluatedTime: new(v1alpha1.NewMicroTime(now))}
}

// abort writes the verdict on a proposal that no run has recorded.
func (r *ProposalReconciler) abort(ctx context.Context, p *v1alpha1.StateProposal, reason string) (ctrl.Result, error) {
	return ctrl.Result{}, r.write(ctx, p, aborted(reason, r.Clock.Now()))
}

// waiting returns the status of a proposal that is evaluated again later. A wait for a
// slot has no retry time.
func waiting(evaluation *verdict, now time.Time) v1alpha1.StateProposalStatus {
	status := v1alpha1.StateProposalStatus{
		Verdict: v1alpha1.VerdictWaiting, Reason: evaluation.reason, EvaluatedTime: new(v1alpha1.NewMicroTime(now)),
		WaitingStateID: evaluation.after.ID,
	}
	if !evaluation.awaitsSlots {
		status.RetryTime = new(v1alpha1.NewMicroTime(retryTime(evaluation.after, now.Add(evaluation.delay))))
	}
	return status
}

// retryTime returns the time from which the run can enter the state. The delay of a decision is in
// whole seconds; the scheduled time of the run that it was rounded from is exact.
func retryTime(state *orchestration.State, rounded time.Time) time.Time {
	if due := taskrun.DueIn(state); due.Sub(rounded).Abs() < time.Second {
		return due
	}
	return rounded
}

// rounding is the maximum difference between two computations of one retry time.
const rounding = 2 * time.Second

// sameWait reports whether both statuses describe the same wait.
func sameWait(a, b *v1alpha1.StateProposalStatus) bool {
	if a.Verdict != b.Verdict || a.Reason != b.Reason || a.WaitingStateID != b.WaitingStateID || (a.RetryTime == nil) != (b.RetryTime == nil) {
		return false
	}
	return a.RetryTime == nil || a.RetryTime.Sub(b.RetryTime.Time).Abs() < rounding
}

// decided returns the status with the decision that is recorded in the run.
func decided(p *v1alpha1.StateProposal, evaluation *verdict) v1alpha1.StateProposalStatus {
	final := evaluation.final
	status := v1alpha1.StateProposalStatus{
		Verdict: verdicts[final.Verdict], Reason: final.Reason,
		EvaluatedTime: new(v1alpha1.NewMicroTime(final.EvaluatedAt)), StateID: final.StateID,
	}
	if evaluation.recorded {
		status.Reason = evaluation.reason // in full
	}
	if final.UID != string(p.UID) {
		status.Reason = strings.TrimSpace(
			"The run has decided on an earlier StateProposal of this name; use another name to propose again. " + status.Reason)
	}
	return status
}

// copiedReason is the reason of the verdict on a copy.
const copiedReason = "This StateProposal is a copy of an evaluated one, or was restored from a backup: " +
	"its annotation " + v1alpha1.AnnotationEvaluated + " has the UID of another object. Create a StateProposal without it."

// copied reports whether the proposal is a copy of one that had its final verdict: a copy has no
// status, but keeps annotations.
func copied(p *v1alpha1.StateProposal) bool {
	uid := p.Annotations[v1alpha1.AnnotationEvaluated]
	return uid != "" && uid != string(p.UID)
}

// mark annotates a proposal before it gets its final verdict. It fails with a
// conflict if the proposal was deleted and created again since it was read: the new
// object must not get the UID of the old one, which would make it a copy.
func (r *ProposalReconciler) mark(ctx context.Context, p *v1alpha1.StateProposal) error {
	if p.Annotations[v1alpha1.AnnotationEvaluated] != "" {
		return nil
	}
	before := p.DeepCopy()
	metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationEvaluated, string(p.UID))
	return r.Writer.Patch(ctx, p, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// write replaces the status of the proposal.
func (r *ProposalReconciler) write(ctx context.Context, p *v1alpha1.StateProposal, status v1alpha1.StateProposalStatus) error {
	updated := p.DeepCopy()
	if status.Verdict != v1alpha1.VerdictWaiting {
		if err := r.mark(ctx, updated); err != nil {
			return err
		}
	}
	status.ObservedGeneration = p.Generation
	status.Reason = truncate(status.Reason, maxReason)
	status.Conditions = updated.Status.Conditions
	condition := metav1.Condition{
		Type: v1alpha1.ConditionEvaluated, Status: metav1.ConditionTrue, Reason: status.Verdict,
		Message: truncate(status.Reason, v1alpha1.MaxConditionMessage), ObservedGeneration: p.Generation,
		LastTransitionTime: metav1.NewTime(r.Clock.Now()),
	}
	if status.Verdict == v1alpha1.VerdictWaiting {
		condition.Status = metav1.ConditionFalse
	}
	meta.SetStatusCondition(&status.Conditions, condition)
	updated.Status = status
	return r.Writer.Status().Update(ctx, updated)
}

// truncate truncates a text to limit characters.
func truncate(text string, limit int) string {
	const mark = "..."
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-len(mark)]) + mark
}
