package controller

import (
	"fmt"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// What the controller was doing when it emitted an Event.
const (
	actionJudge    = "JudgeTransition"
	actionIdentify = "Identify"
)

// longestNote is the API server's bound on an Event's note, in bytes.
const longestNote = 1024

// recorder emits the Events on TaskRuns. Its methods are called after the write
// they tell of, never before.
type recorder struct{ events.EventRecorder }

// judged tells what came of the proposal in object; before is the state the run
// was in.
func (r recorder) judged(object *v1alpha1.TaskRun, before *orchestration.State, outcome taskrun.Outcome) {
	kind, reason, note := corev1.EventTypeNormal, "", ""
	proposed := proposedType(outcome)
	switch outcome.Decision.Status {
	case orchestration.Accept:
		reason, note = v1alpha1.ReasonTransitionAccepted, fmt.Sprintf("moved from %s to %s", label(before), label(outcome.Run.State))
	case orchestration.Wait:
		reason, note = v1alpha1.ReasonTransitionWaiting, fmt.Sprintf("%s has to wait%s: %s",
			proposed, until(outcome.Run.Transition), outcome.Decision.Reason)
	case orchestration.Reject:
		kind, reason, note = corev1.EventTypeWarning, v1alpha1.ReasonTransitionRejected, refused(proposed, "rejected", outcome)
	case orchestration.Abort:
		kind, reason, note = corev1.EventTypeWarning, v1alpha1.ReasonTransitionAborted, refused(proposed, "aborted", outcome)
	default:
		return
	}
	r.emit(object, kind, reason, actionJudge, note)
}

// duplicate tells that the run of this id is the object of another name.
func (r recorder) duplicate(object *v1alpha1.TaskRun, first string) {
	r.emit(object, corev1.EventTypeWarning, v1alpha1.ReasonDuplicateID, actionIdentify,
		fmt.Sprintf("spec.id %s belongs to TaskRun %q: this object is not a run; delete it or give it another id",
			object.UUID(), first))
}

func (r recorder) emit(object *v1alpha1.TaskRun, kind, reason, action, note string) {
	r.Eventf(object, nil, kind, reason, action, "%s", cut(note, longestNote))
}

// refused words a proposal that did not become the run's state.
func refused(proposed, verdict string, outcome taskrun.Outcome) string {
	note := proposed + " was " + verdict
	if outcome.Decision.Reason != "" {
		note += ": " + outcome.Decision.Reason
	}
	if outcome.Written {
		note += fmt.Sprintf(" (moved to %s instead)", label(outcome.Run.State))
	}
	return note
}

func proposedType(outcome taskrun.Outcome) string {
	if outcome.Run.Proposal == nil {
		return "the proposal"
	}
	return string(outcome.Run.Proposal.Type)
}

func until(t *taskrun.Transition) string {
	if t == nil || t.RetryTime == nil {
		return ""
	}
	return " until " + t.RetryTime.UTC().Format(time.RFC3339)
}

// label is the type of a state, with its name where that says more.
func label(s *orchestration.State) string {
	switch {
	case s == nil:
		return "no state"
	case s.Name == "" || s.Name == s.Type.DefaultName():
		return string(s.Type)
	default:
		return fmt.Sprintf("%s (%s)", s.Type, s.Name)
	}
}

// cut shortens a text to at most limit bytes, between characters.
func cut(text string, limit int) string {
	const mark = "..."
	if len(text) <= limit {
		return text
	}
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
