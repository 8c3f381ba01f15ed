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

// lifecycle is what the conditions of a run of either kind follow from.
type lifecycle struct {
	state                *orchestration.State
	history              []orchestration.State
	dropped              int64 // how many older states fell off history
	created, endRecorded time.Time
	generation           int64
}

// conditions returns the conditions of the current state, which clients wait for. They
// depend only on the run, including the times of their last change.
func conditions(run *taskrun.Run) []metav1.Condition {
	return lifecycle{
		state: run.State, history: run.History, dropped: run.HistoryDropped,
		created: run.Created, endRecorded: run.EndRecorded, generation: run.Ref.Generation,
	}.conditions()
}

func (l lifecycle) conditions() []metav1.Condition {
	if l.state == nil {
		return nil
	}
	all := []metav1.Condition{
		{
			Type: v1alpha1.ConditionSucceeded, Status: succeeded(l.state.Type),
			LastTransitionTime: l.lastChange(succeeded),
		},
		{
			Type: v1alpha1.ConditionFinished, Status: finished(l.state.Type),
			LastTransitionTime: l.lastChange(finished),
		},
	}
	for i := range all {
		all[i].Reason = cmp.Or(v1alpha1.ConditionReason(string(l.state.Type), l.state.Name), noReason)
		all[i].Message = shortened(textOr(l.state.Message, ""), v1alpha1.MaxConditionMessage)
		all[i].ObservedGeneration = l.generation
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
// the end, or else the first of the latest states with the same status. If all states
// in the history have it and older ones were dropped, this is the creation of the run:
// the time must not change while the status does not.
func (l lifecycle) lastChange(status func(orchestration.StateType) metav1.ConditionStatus) metav1.Time {
	current := status(l.state.Type)
	since := l.state.Timestamp
	if l.state.Type.Terminal() && !l.endRecorded.IsZero() && l.sameSinceEnd(status) {
		return conditionTime(l.endRecorded)
	}
	for _, past := range slices.Backward(l.history) {
		if status(past.Type) != current {
			return conditionTime(since)
		}
		since = past.Timestamp
	}
	if l.dropped > 0 {
		since = l.created
	}
	return conditionTime(since)
}

// sameSinceEnd reports whether the condition has had its status since the run
// finished: all terminal states at the end have the same status.
func (l lifecycle) sameSinceEnd(status func(orchestration.StateType) metav1.ConditionStatus) bool {
	for _, past := range slices.Backward(l.history) {
		if !past.Type.Terminal() {
			break
		}
		if status(past.Type) != status(l.state.Type) {
			return false
		}
	}
	return true
}

// endOf returns the time at which the operator recorded that the run finished. It is
// zero if the state is not terminal, or if the conditions lack the time.
func endOf(status *v1alpha1.TaskRunStatus) time.Time {
	return endRecordedIn(status.State, status.Conditions, status.UpdatedTime)
}

func endRecordedIn(state *v1alpha1.State, conditions []metav1.Condition, updated *v1alpha1.MicroTime) time.Time {
	if !terminal(state) {
		return time.Time{}
	}
	for i := range conditions {
		if c := &conditions[i]; c.Type == v1alpha1.ConditionFinished && c.Status == metav1.ConditionTrue {
			return endRecorded(c.LastTransitionTime, updated)
		}
	}
	return time.Time{}
}

func terminal(state *v1alpha1.State) bool {
	return state != nil && orchestration.StateType(state.Type).Terminal()
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
