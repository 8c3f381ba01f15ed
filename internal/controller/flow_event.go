package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// deadlineEvent describes the Event on a flow run that the operator moves by time. There
// are no Events about the states that clients propose: each would cost an API write.
type deadlineEvent struct {
	kind, reason, cause string
	to                  orchestration.StateType
	name                string // of the new state
}

var (
	pauseTimedOut = deadlineEvent{
		kind: corev1.EventTypeWarning, reason: v1alpha1.ReasonPauseTimedOut, to: orchestration.Failed,
		cause: "The flow run was not resumed before the timeout of its pause",
	}
	cancellationTimedOut = deadlineEvent{
		kind: corev1.EventTypeWarning, reason: v1alpha1.ReasonCancellationTimedOut, to: orchestration.Cancelled,
		cause: "The process of the flow run did not confirm its cancellation in time",
	}
	late = deadlineEvent{
		kind: corev1.EventTypeWarning, reason: v1alpha1.ReasonLate, to: orchestration.Scheduled, name: orchestration.NameLate,
		cause: "The flow run was not started at its time",
	}
)

// emitDeadline emits the Event if the run has entered the state of it, from the one that
// was read.
func (r *FlowReconciler) emitDeadline(s *flowScope, after *flowrun.Run, event deadlineEvent) {
	before := s.run.State
	if after.State.ID == before.ID || after.State.Type != event.to || (event.name != "" && after.State.Name != event.name) {
		return // a client was faster
	}
	recorder{r.Events}.emit(flowRunReference(s.request.Namespace, after), event.kind, event.reason, actionWatch,
		fmt.Sprintf("%s: state changed from %s to %s", event.cause, label(before), label(after.State)))
}

// reportDuplicateKey emits an Event on a run that was created with kubectl and has the
// idempotency key of another run.
func (r *FlowReconciler) reportDuplicateKey(s *flowScope) {
	if s.keyHolder == nil || s.run.CreatedViaREST {
		return
	}
	recorder{r.Events}.emit(flowRunReference(s.request.Namespace, s.run), corev1.EventTypeWarning, v1alpha1.ReasonDuplicateKey, actionIdentify,
		fmt.Sprintf("spec.idempotencyKey belongs to FlowRun %q of the same flow. REST returns that run for the key. Use another key.",
			s.keyHolder.Ref.Name))
}

// flowRunReference returns a FlowRun object that identifies a run in an Event.
func flowRunReference(namespace string, run *flowrun.Run) *v1alpha1.FlowRun {
	return &v1alpha1.FlowRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindFlowRun},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: run.Ref.Name, UID: types.UID(run.Ref.UID)},
	}
}
