package convert

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// nameHash returns a hash of the requested name: spec.name, or metadata.name without
// one. It is the same on every replica and in every version.
func nameHash(name string) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name)) // never fails
	return sum.Sum64()
}

func nameHashText(requestedName uint64) string { return fmt.Sprintf("%016x", requestedName) }

// effectiveFromObject reads the fields in which the run differs from its spec. The name
// applies only while spec.name is the name that it replaced: if the owner of the object
// changes spec.name, the new spec.name applies.
func effectiveFromObject(status *v1alpha1.TaskRunStatus, requestedName uint64) *taskrun.Patch {
	e := status.Effective
	if e == nil {
		return nil
	}
	wire := map[string]json.RawMessage{}
	if e.Wire != "" && json.Unmarshal([]byte(e.Wire), &wire) != nil {
		wire = nil // an invalid text is ignored
	}
	c := &taskrun.Patch{
		FlowRunID:       columnOf(e.FlowRunID, "flowRunID", e),
		TaskKey:         columnOf(e.TaskKey, "taskKey", e),
		DynamicKey:      columnOf(e.DynamicKey, "dynamicKey", e),
		CacheKey:        columnOf(e.CacheKey, "cacheKey", e),
		CacheExpiration: columnOf(timePointer(e.CacheExpiration), "cacheExpiration", e),
		TaskVersion:     columnOf(e.TaskVersion, "taskVersion", e),
		Policy: columnOf(readWire(wire["empirical_policy"], func(w wirePolicy) taskrun.Policy { return w.policy() }),
			"empiricalPolicy", e),
		Labels:     columnOf(readWire(wire["labels"], same[map[string]json.RawMessage]), "labels", e),
		TaskInputs: columnOf(readWire(wire["task_inputs"], reportedInputs), "taskInputs", e),
	}
	if e.Tags != nil {
		c.Tags = taskrun.Set(e.Tags)
	} else {
		c.Tags = columnOf[[]string](nil, "tags", e)
	}
	if e.NameReplaces == nameHashText(requestedName) {
		c.Name = taskrun.Set(status.Name)
	}
	if *c == (taskrun.Patch{}) {
		return nil
	}
	return c
}

// effectiveName returns the name of the run: the reported one, or the requested one.
func effectiveName(run *taskrun.Run) string {
	if run.Reported != nil && run.Reported.Name.Value != nil {
		return *run.Reported.Name.Value
	}
	return run.Name
}

// columnOf returns a field with its value, as cleared, or as unset.
func columnOf[T any](value *T, name string, e *v1alpha1.Effective) taskrun.Optional[T] {
	switch {
	case value != nil:
		return taskrun.Optional[T]{Given: true, Value: value}
	case slices.Contains(e.Cleared, name):
		return taskrun.Null[T]()
	default:
		return taskrun.Optional[T]{}
	}
}

// effectiveToObject is the inverse of effectiveFromObject. The name is status.name.
func effectiveToObject(c *taskrun.Patch, requestedName uint64) *v1alpha1.Effective {
	if c == nil {
		return nil
	}
	e, wire := &v1alpha1.Effective{}, map[string]json.RawMessage{}
	e.FlowRunID = valueOf(c.FlowRunID, "flowRunID", e)
	e.TaskKey = valueOf(c.TaskKey, "taskKey", e)
	e.DynamicKey = valueOf(c.DynamicKey, "dynamicKey", e)
	e.CacheKey = valueOf(c.CacheKey, "cacheKey", e)
	e.CacheExpiration = microTimePointer(valueOf(c.CacheExpiration, "cacheExpiration", e))
	e.TaskVersion = valueOf(c.TaskVersion, "taskVersion", e)
	if tags := valueOf(c.Tags, "tags", e); tags != nil {
		e.Tags = append([]string{}, *tags...)
	}
	writeWire(wire, "empirical_policy", valueOf(c.Policy, "empiricalPolicy", e), wireOfPolicy)
	writeWire(wire, "labels", valueOf(c.Labels, "labels", e), same[map[string]json.RawMessage])
	writeWire(wire, "task_inputs", valueOf(c.TaskInputs, "taskInputs", e), inputsToReported)
	e.Wire = textOfWire(wire)
	if c.Name.Value != nil {
		e.NameReplaces = nameHashText(requestedName)
	}
	if reflect.ValueOf(*e).IsZero() {
		return nil
	}
	return e
}

// valueOf returns the value of a field, and adds a null field to the cleared ones.
func valueOf[T any](c taskrun.Optional[T], name string, e *v1alpha1.Effective) *T {
	if c.Given && c.Value == nil {
		e.Cleared = append(e.Cleared, name)
	}
	return clone(c.Value)
}

// readWire decodes a member of wire, if it exists and is valid.
func readWire[W, T any](raw json.RawMessage, convert func(W) T) *T {
	var wire W
	if raw == nil || isNull(raw) || json.Unmarshal(raw, &wire) != nil {
		return nil
	}
	return new(convert(wire))
}

// writeWire adds a member of wire. It keeps an empty value.
func writeWire[T, W any](into map[string]json.RawMessage, name string, value *T, convert func(T) W) {
	if value == nil {
		return
	}
	into[name] = encoded(convert(*value))
	if isNull(into[name]) { // an empty map
		into[name] = json.RawMessage("{}")
	}
}

// textOfWire returns the JSON text of wire, an empty text if wire is empty.
func textOfWire(wire map[string]json.RawMessage) string {
	if len(wire) == 0 {
		return ""
	}
	return string(encoded(wire))
}

// reportedInputs reads task inputs, which are reported by the argument's name.
func reportedInputs(inputs map[string][]v1alpha1.TaskInput) map[string][]taskrun.TaskInput {
	all := make(map[string][]taskrun.TaskInput, len(inputs))
	for name, sources := range inputs {
		all[name] = sourcesFromObject(sources)
	}
	return all
}

// inputsToReported is the inverse of reportedInputs.
func inputsToReported(inputs map[string][]taskrun.TaskInput) map[string][]v1alpha1.TaskInput {
	all := make(map[string][]v1alpha1.TaskInput, len(inputs))
	for name, list := range inputs {
		all[name] = sourcesToObject(list)
	}
	return all
}

func same[T any](value T) T { return value }
