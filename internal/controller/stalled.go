package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// staller sets the condition Stalled of objects that cannot take effect. The index has no
// conditions, so a staller reads the object from the API server. When the object takes
// effect, the next write of its status removes the condition.
type staller struct {
	live   client.Reader
	writer client.StatusClient
	clock  clock.PassiveClock
	events events.EventRecorder
}

// stalledObject is an object of any kind, with the parts of its status that a staller writes.
type stalledObject struct {
	client.Object

	conditions *[]metav1.Condition
	observed   *int64 // status.observedGeneration
}

// stalledCause says which object is stalled, and why.
type stalledCause struct {
	key             types.NamespacedName
	uid             types.UID
	reason, message string
}

// stall sets the condition, if necessary, and emits an Event after the write. It reads the
// object into current. The Result is that of an object that is checked again regularly.
func (s staller) stall(ctx context.Context, current stalledObject, why stalledCause) (Result, error) {
	written, err := s.write(ctx, current, why)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return requeueAfter(recheckDelay), nil // deleted or changed recently
	case err != nil:
		return Result{}, err
	case written:
		recorder{s.events}.emit(current.Object, corev1.EventTypeWarning, why.reason, actionIdentify, why.message)
	}
	return requeueAfter(duplicateInterval), nil
}

func (s staller) write(ctx context.Context, current stalledObject, why stalledCause) (written bool, err error) {
	if err := s.live.Get(ctx, why.key, current.Object); err != nil {
		return false, err
	}
	if current.GetUID() != why.uid {
		return false, nil // deleted and created again: the new object is reconciled separately
	}
	changed := setStalled(current, why, s.clock)
	if !changed && *current.observed == current.GetGeneration() {
		return false, nil
	}
	*current.observed = current.GetGeneration()
	return true, s.writer.Status().Update(ctx, current.Object)
}

// setStalled sets the condition in the object. It returns false if nothing changed.
func setStalled(current stalledObject, why stalledCause, clock clock.PassiveClock) bool {
	return meta.SetStatusCondition(current.conditions, metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: why.reason,
		Message:            truncate(why.message, v1alpha1.MaxConditionMessage),
		ObservedGeneration: current.GetGeneration(), LastTransitionTime: metav1.NewTime(clock.Now()),
	})
}
