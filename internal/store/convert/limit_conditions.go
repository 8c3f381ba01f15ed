package convert

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
)

const inactiveMessage = "spec.active is false. The limit denies nothing."

// limitConditions returns the conditions of a limit. They depend only on the
// limit, including the times of their last change.
func limitConditions(l *concurrency.Limit) []metav1.Condition {
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonActive}
	stalled := metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUniqueName}
	switch {
	case l.Recorded.Stalled != "":
		ready.Status, stalled.Status = metav1.ConditionFalse, metav1.ConditionTrue
		ready.Reason, stalled.Reason = v1alpha1.ReasonDuplicateName, v1alpha1.ReasonDuplicateName
		ready.Message, stalled.Message = l.Recorded.Stalled, l.Recorded.Stalled
	case !l.Active:
		ready.Reason, ready.Message = v1alpha1.ReasonInactive, inactiveMessage
	}
	all := []metav1.Condition{ready, stalled}
	for i := range all {
		all[i].ObservedGeneration = l.Recorded.Generation
		all[i].LastTransitionTime = conditionTime(l.Recorded.Since)
	}
	return all
}

// recordedFromObject reads the recorded conditions of the limit from a status.
func recordedFromObject(status *v1alpha1.ConcurrencyLimitStatus) concurrency.Recorded {
	recorded := concurrency.Recorded{Generation: status.ObservedGeneration}
	stalled := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled)
	if stalled == nil || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady) == nil {
		return recorded
	}
	recorded.Since = within(stalled.LastTransitionTime.Time).Truncate(time.Second)
	if stalled.Status == metav1.ConditionTrue {
		recorded.Stalled = stalled.Message
	}
	return recorded
}
