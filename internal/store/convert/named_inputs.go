package convert

import (
	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// namedFromObject returns the inputs of an object that refers to other objects by
// name, or nil if it does not.
func namedFromObject(arguments []v1alpha1.TaskArgument, ids []v1alpha1.ResolvedID) *taskrun.NamedInputs {
	if !anyNamed(arguments) {
		return nil
	}
	all := make([]taskrun.Argument, len(arguments))
	for i, argument := range arguments {
		all[i] = taskrun.Argument{Name: argument.Name, Sources: sourcesFromObject(argument.Sources)}
		for j, source := range argument.Sources {
			if isNamed(&source) {
				all[i].Sources[j] = taskrun.TaskInput{InputType: taskrun.InputTaskRun, Name: source.TaskRunName}
			}
		}
	}
	return taskrun.NewNamedInputs(all, resolvedIDs(ids))
}

func anyNamed(arguments []v1alpha1.TaskArgument) bool {
	for i := range arguments {
		for j := range arguments[i].Sources {
			if isNamed(&arguments[i].Sources[j]) {
				return true
			}
		}
	}
	return false
}

// isNamed reports whether a source is a run that only the name of its object
// identifies.
func isNamed(source *v1alpha1.TaskInput) bool {
	return source.TaskRunName != "" && source.ID == "" && source.InputType == string(taskrun.InputTaskRun)
}

// resolvedIDs returns the ids in a status, empty for unknown ones.
func resolvedIDs(ids []v1alpha1.ResolvedID) []string {
	known := make([]string, len(ids))
	for i, id := range ids {
		if id != v1alpha1.Unresolved {
			known[i] = id
		}
	}
	return known
}

// namedToObject is the inverse of resolvedIDs, up to the schema's number of sources.
func namedToObject(named *taskrun.NamedInputs) []v1alpha1.ResolvedID {
	if named == nil {
		return nil
	}
	ids := make([]v1alpha1.ResolvedID, min(len(named.IDs), v1alpha1.MaxNamedInputs))
	for i := range ids {
		ids[i] = v1alpha1.Unresolved
		if isUUID(named.IDs[i]) { // a uid need not be a UUID
			ids[i] = named.IDs[i]
		}
	}
	return ids
}
