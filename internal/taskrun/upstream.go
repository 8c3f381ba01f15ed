package taskrun

import (
	"maps"
	"slices"
)

// Upstream returns the inputs of the run that are task runs, each once, in the order of the
// names of the inputs.
func (r *Run) Upstream() []TaskInput {
	var upstream []TaskInput
	for _, key := range slices.Sorted(maps.Keys(r.TaskInputs)) {
		for _, input := range r.TaskInputs[key] {
			if input.InputType == InputTaskRun {
				upstream = append(upstream, input)
			}
		}
	}
	return Distinct(upstream)
}
