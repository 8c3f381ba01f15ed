package controller

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// What the controller was doing when it emitted an Event.
const (
	actionEvaluate = "EvaluateProposal"
	actionIdentify = "Identify"
	actionResolve  = "ResolveInputs"
)

// longestNote is the API server's bound on an Event's note, in bytes.
const longestNote = 1024

// recorder emits the Events on TaskRuns. Its methods are called after the write
// they tell of, never before.
type recorder struct{ events.EventRecorder }

// duplicate tells that the run of this id is the object of another name.
func (r recorder) duplicate(object *v1alpha1.TaskRun, first string) {
	r.emit(object, corev1.EventTypeWarning, v1alpha1.ReasonDuplicateID, actionIdentify,
		duplicateOf(object, first))
}

// inputNotFound tells which names of spec.taskInputs have no TaskRun.
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

func (r recorder) emit(object *v1alpha1.TaskRun, kind, reason, action, note string) {
	r.Eventf(object, nil, kind, reason, action, "%s", cut(note))
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

// cut shortens a note to its bound, between characters.
func cut(note string) string {
	const mark = "..."
	if len(note) <= longestNote {
		return note
	}
	end := longestNote - len(mark)
	for end > 0 && !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end] + mark
}
