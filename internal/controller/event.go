package controller

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Actions of Events.
const (
	actionEvaluate = "EvaluateProposal"
	actionIdentify = "Identify"
	actionResolve  = "ResolveInputs"
	actionWatch    = "WatchDeadline"
)

// maxNote is the API server's limit on the note of an Event, in bytes.
const maxNote = 1024

// recorder emits the Events on runs and flows. Call its methods after the write.
type recorder struct{ events.EventRecorder }

// inputNotFound emits the Event with the names in spec.taskInputs that have no TaskRun.
func (r recorder) inputNotFound(object *v1alpha1.TaskRun, names []string) {
	own := slices.Index(names, object.Name)
	if own >= 0 {
		names = slices.Clone(names)
		names[own] += " (this TaskRun itself)"
	}
	r.emit(object, corev1.EventTypeNormal, v1alpha1.ReasonInputNotFound, actionResolve,
		"spec.taskInputs names TaskRuns that were not found: "+strings.Join(names, ", ")+
			". REST leaves these sources out until another TaskRun of the name exists in this namespace")
}

func (r recorder) emit(object runtime.Object, kind, reason, action, note string) {
	r.Eventf(object, nil, kind, reason, action, "%s", truncateNote(note))
}

// label returns the type of a state, with its name if that is not the default.
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

// truncateNote truncates a note to maxNote bytes, between characters.
func truncateNote(note string) string {
	const mark = "..."
	if len(note) <= maxNote {
		return note
	}
	end := maxNote - len(mark)
	for end > 0 && !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end] + mark
}
