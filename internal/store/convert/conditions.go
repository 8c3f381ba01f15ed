package convert

import (
	"cmp"
	"slices"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// noReason is the reason for state types without one, because a condition requires a
// reason.
const noReason = "Unknown"

// conditions returns the conditions of the current state, which clients wait for. They
// depend only on the run, including the times of their last change.
func conditions(run *taskrun.Run) []metav1.Condition {
	if run.State == nil {
		return nil
	}
	all := []metav1.Condition{
		{
			Type: v1alpha1.ConditionSucceeded, Status: succeeded(run.State.Type),
			LastTransitionTime: lastChange(run, succeeded),
		},
		{
			Type: v1alpha1.ConditionFinished, Status: finished(run.State.Type),
			LastTransitionTime: lastChange(run, finished),
		},
	}
	for i := range all {
		all[i].Reason = cmp.Or(v1alpha1.ConditionReason(string(run.State.Type), run.State.Name), noReason)
		all[i].Message = shortened(textOr(run.State.Message, ""), v1alpha1.MaxConditionMessage)
		all[i].ObservedGeneration = run.Ref.Generation
	}
	return all
}

func succeeded(t orchestration.StateType) metav1.ConditionStatus {
	switch {
	case t == orchestration.Completed:
		return metav1.ConditionTrue
	case t.Terminal():
		return metav1.ConditionFalse
	default:
		return metav1.ConditionUnknown
	}
}

func finished(t orchestration.StateType) metav1.ConditionStatus {
	if t.Terminal() {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// lastChange returns the time since which the condition has its status: the record of
// the end, otherwise the first of the latest states with the same status. If all
// states in the history have it and older ones were dropped, this is the creation of
// the run: the time must not change while the status does not.
func lastChange(run *taskrun.Run, status func(orchestration.StateType) metav1.ConditionStatus) metav1.Time {
	current := status(run.State.Type)
	since := run.State.Timestamp
	if run.Finished() && !run.EndRecorded.IsZero() && sameSinceEnd(run, status) {
		return conditionTime(run.EndRecorded)
	}
	for _, past := range slices.Backward(run.History) {
		if status(past.Type) != current {
			return conditionTime(since)
		}
		since = past.Timestamp
	}
	if run.HistoryDropped > 0 {
		since = run.Created
	}
	return conditionTime(since)
}

// sameSinceEnd reports whether the condition has had its status since the run
// finished: all terminal states at the end have the same status.
func sameSinceEnd(run *taskrun.Run, status func(orchestration.StateType) metav1.ConditionStatus) bool {
	for _, past := range slices.Backward(run.History) {
		if !past.Type.Terminal() {
			break
		}
		if status(past.Type) != status(run.State.Type) {
			return false
		}
	}
	return true
}

// endOf returns the time at which the operator recorded that the run finished. It is
// zero if the state is not terminal, or if the conditions lack the time.
func endOf(status *v1alpha1.TaskRunStatus) time.Time {
	if !terminal(status) {
		return time.Time{}
	}
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == v1alpha1.ConditionFinished && c.Status == metav1.ConditionTrue {
			return endRecorded(c.LastTransitionTime, status.UpdatedTime)
		}
	}
	return time.Time{}
}

func terminal(status *v1alpha1.TaskRunStatus) bool {
	return status.State != nil && orchestration.StateType(status.State.Type).Terminal()
}

// endRecorded returns a time that is known to the second: exactly, if the other time
// is of the same second, otherwise the end of that second, so that nothing happens too
// early.
func endRecorded(second metav1.Time, exact *v1alpha1.MicroTime) time.Time {
	whole := within(second.Time)
	if at := timeOr(exact, whole); at.Truncate(time.Second).Equal(whole) {
		return at
	}
	return within(whole.Add(time.Second - time.Microsecond))
}

// conditionTime never returns the zero time, which would be written as null.
func conditionTime(t time.Time) metav1.Time {
	return metav1.NewTime(latest(firstConditionTime, new(within(t).Truncate(time.Second))))
}

var firstConditionTime = firstTime.Truncate(time.Second).Add(time.Second)

// shortened truncates a text to most characters.
func shortened(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
