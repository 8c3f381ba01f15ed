package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// inputKind is one member of the union of task inputs (contract §2.5).
type inputKind struct {
	tag  string // in locs
	typ  taskrun.InputType
	key  string // the only key besides input_type
	read func(validate.Node) string
	put  func(*taskrun.TaskInput, string)
}

// inputKinds is in the order in which Prefect tries them.
var inputKinds = []inputKind{
	{"TaskRunResult", taskrun.InputTaskRun, "id", validate.Node.UUID, putInputID},
	{"FlowRunResult", taskrun.InputFlowRun, "id", validate.Node.UUID, putInputID},
	{"Parameter", taskrun.InputParameter, "name", validate.Node.Text, func(i *taskrun.TaskInput, s string) { i.Name = s }},
	{"Constant", taskrun.InputConstant, "type", validate.Node.Text, func(i *taskrun.TaskInput, s string) { i.Type = s }},
}

// inputGuesses holds indexes of inputKinds for inputs without input_type: a
// text matches better than an id that has to be converted.
var inputGuesses = [...]int{2, 3, 0}

func putInputID(i *taskrun.TaskInput, s string) { i.ID = s }

func readTaskInputs(m *validate.Model) map[string][]taskrun.TaskInput {
	n, given := m.Field("task_inputs")
	if !given {
		return map[string][]taskrun.TaskInput{}
	}
	return validate.Dict(n, func(n validate.Node) []taskrun.TaskInput {
		return validate.List(n, readTaskInput)
	})
}

func readTaskInput(n validate.Node) taskrun.TaskInput {
	for _, kind := range inputCandidates(n.Value) {
		if n.Sound(func(n validate.Node) { kind.input(n) }) {
			return kind.input(n)
		}
	}
	for _, kind := range inputKinds {
		kind.input(n.Tagged(kind.tag))
	}
	return taskrun.TaskInput{}
}

// inputCandidates returns the kinds that the value can be, the best first.
func inputCandidates(v pyjson.Value) []inputKind {
	if _, given := v.Member("input_type"); given {
		return inputKinds
	}
	guesses := make([]inputKind, 0, len(inputGuesses))
	for _, i := range inputGuesses {
		guesses = append(guesses, inputKinds[i])
	}
	return guesses
}

// input reads a task input of this kind. It ignores other keys.
func (k inputKind) input(n validate.Node) taskrun.TaskInput {
	in := taskrun.TaskInput{InputType: k.typ}
	m, ok := n.Model()
	if !ok {
		return in
	}
	if typ, given := m.Field("input_type"); given {
		typ.Literal(string(k.typ))
	}
	if n, given := m.Required(k.key); given {
		k.put(&in, k.read(n))
	}
	return in
}
