package taskrun

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// NamedInputs are the inputs of a run whose object refers to some runs by the name of
// their object instead of their id. A NamedInputs is never changed, only replaced.
type NamedInputs struct {
	// Arguments holds all arguments, in the order of the object. A source of type
	// InputTaskRun without an ID has the name of the other object in Name.
	Arguments []Argument
	// IDs holds the ids of the named runs, one for each such source in the order of
	// Arguments. An id is empty until the object is found.
	IDs []string
}

// Argument is an argument of a task and its sources.
type Argument struct {
	Name    string
	Sources []TaskInput
}

// IsNamed reports whether a source of NamedInputs has the name of an object.
func (i TaskInput) IsNamed() bool { return i.InputType == InputTaskRun && i.ID == "" }

// NewNamedInputs returns the inputs of these arguments, or nil if no source has a name.
// ids are in the order of the named sources; missing ones are not found yet.
func NewNamedInputs(arguments []Argument, ids []string) *NamedInputs {
	n := &NamedInputs{Arguments: arguments}
	for range n.Names() {
		n.IDs = append(n.IDs, "")
	}
	if n.IDs == nil {
		return nil
	}
	copy(n.IDs, ids)
	return n
}

// WithIDs returns the same inputs with other ids, nil for nil.
func (n *NamedInputs) WithIDs(ids []string) *NamedInputs {
	if n == nil {
		return nil
	}
	return NewNamedInputs(n.Arguments, ids)
}

// Names returns the names of the objects, one for each named source.
func (n *NamedInputs) Names() []string {
	if n == nil {
		return nil
	}
	var names []string
	for _, argument := range n.Arguments {
		for _, source := range argument.Sources {
			if source.IsNamed() {
				names = append(names, source.Name)
			}
		}
	}
	return names
}

// Unresolved returns the distinct names of the objects that were not found yet.
func (n *NamedInputs) Unresolved() []string {
	var names []string
	for i, name := range n.Names() {
		if n.IDs[i] == "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Inputs returns the inputs as clients see them: without the sources that were not
// found yet. Arguments without a named source share their memory with the result.
func (n *NamedInputs) Inputs() map[string][]TaskInput {
	all := make(map[string][]TaskInput, len(n.Arguments))
	ids := n.IDs
	for _, argument := range n.Arguments {
		all[argument.Name], ids = argument.resolved(ids)
	}
	return all
}

// resolved returns the sources of the argument with ids in place of names, and the
// remaining ids.
func (a Argument) resolved(ids []string) (sources []TaskInput, left []string) {
	if !slices.ContainsFunc(a.Sources, TaskInput.IsNamed) {
		return a.Sources, ids
	}
	sources = make([]TaskInput, 0, len(a.Sources))
	for _, source := range a.Sources {
		if source.IsNamed() {
			source.Name, source.ID, ids = "", ids[0], ids[1:]
			if source.ID == "" {
				continue
			}
		}
		sources = append(sources, source)
	}
	return sources, ids
}

// resolve returns the inputs with the ids of the objects that were found now, or the
// same inputs if none was found.
func (n *NamedInputs) resolve(found map[string]string) *NamedInputs {
	ids, changed := []string(nil), false
	for i, name := range n.Names() {
		id := n.IDs[i]
		if id == "" && isUUID(found[name]) { // a uid need not be a UUID, and could then not be stored
			id, changed = found[name], true
		}
		ids = append(ids, id)
	}
	if !changed {
		return n
	}
	return n.WithIDs(ids)
}

func isUUID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// SetNamed sets the named inputs of the run and the inputs that follow from them,
// unless those are reported. It does nothing for nil.
func (r *Run) SetNamed(n *NamedInputs) {
	if n == nil {
		return
	}
	r.Named, r.TaskInputs = n, n.Inputs()
	if r.Reported != nil {
		setValue(&r.TaskInputs, r.Reported.TaskInputs)
	}
}

// ResolveInputs sets the ids of objects that were found, and reports whether an id is
// new.
func (r *Run) ResolveInputs(found map[string]string, now time.Time) bool {
	resolved := r.Named.resolve(found)
	if resolved == r.Named {
		return false
	}
	r.SetNamed(resolved)
	r.Touch(now)
	return true
}
