package kube

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// keyRenamed is spec.updated, as it was when the name was reported.
const keyRenamed = "updated"

// renamed tells the renames of a run apart by the times that they wrote.
func renamed(at *v1alpha1.MicroTime) int64 {
	if at.IsZero() {
		return 0
	}
	return within(at.Time).UnixMicro()
}

// reportedFromObject reads status.reported: the fields of spec, by their names
// there, in which the events of a worker differ from it. What cannot be read
// counts as not reported, and so does a name if the run was renamed since: then
// spec has another time of the last rename than the one that stands beside the
// name. Which of the two is later does not matter, for the clocks of replicas
// differ.
func reportedFromObject(text *string, rename int64) *taskrun.Columns {
	var fields map[string]json.RawMessage
	if text == nil || json.Unmarshal([]byte(*text), &fields) != nil {
		return nil
	}
	c := &taskrun.Columns{}
	c.FlowRunID = columnOf(fields["flowRunID"], same[string])
	c.Name = columnOf(fields["name"], same[string])
	c.TaskKey = columnOf(fields["taskKey"], same[string])
	c.DynamicKey = columnOf(fields["dynamicKey"], same[string])
	c.CacheKey = columnOf(fields["cacheKey"], same[string])
	c.CacheExpiration = columnOf(fields["cacheExpiration"], within)
	c.TaskVersion = columnOf(fields["taskVersion"], same[string])
	c.Policy = columnOf(fields["empiricalPolicy"], func(w wirePolicy) taskrun.Policy { return w.policy() })
	c.Tags = columnOf(fields["tags"], same[[]string])
	c.Labels = columnOf(fields["labels"], same[map[string]json.RawMessage])
	c.TaskInputs = columnOf(fields["taskInputs"], reportedInputs)
	var beside int64
	if at := columnOf(fields[keyRenamed], same[v1alpha1.MicroTime]); at.Value != nil {
		beside = renamed(at.Value)
	}
	if beside != rename {
		return c.WithoutName()
	}
	return c
}

// reportedToObject is the inverse of reportedFromObject.
func reportedToObject(c *taskrun.Columns, rename int64) *string {
	if c == nil {
		return nil
	}
	fields := map[string]json.RawMessage{}
	putColumn(fields, "flowRunID", c.FlowRunID, same[string])
	putColumn(fields, "name", c.Name, same[string])
	putColumn(fields, "taskKey", c.TaskKey, same[string])
	putColumn(fields, "dynamicKey", c.DynamicKey, same[string])
	putColumn(fields, "cacheKey", c.CacheKey, same[string])
	putColumn(fields, "cacheExpiration", c.CacheExpiration, same[time.Time])
	putColumn(fields, "taskVersion", c.TaskVersion, same[string])
	putColumn(fields, "empiricalPolicy", c.Policy, wireOfPolicy)
	putColumn(fields, "tags", c.Tags, same[[]string])
	putColumn(fields, "labels", c.Labels, same[map[string]json.RawMessage])
	putColumn(fields, "taskInputs", c.TaskInputs, inputsToReported)
	if len(fields) == 0 {
		return nil
	}
	if c.Name.Given && rename != 0 {
		putColumn(fields, keyRenamed, taskrun.Give(time.UnixMicro(rename)), microTime)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil // cannot happen: every field was JSON already
	}
	return new(string(text))
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

// columnOf reads a column; one that is missing was not given.
func columnOf[W, T any](raw json.RawMessage, convert func(W) T) (c taskrun.Column[T]) {
	if raw == nil {
		return c
	}
	c.Given = true
	if isNull(raw) {
		return c
	}
	var wire W
	if json.Unmarshal(raw, &wire) != nil {
		return taskrun.Column[T]{}
	}
	value := convert(wire)
	c.Value = &value
	return c
}

// putColumn writes a column that was given. An empty value stays one: only null is null.
func putColumn[T, W any](fields map[string]json.RawMessage, name string, c taskrun.Column[T], convert func(T) W) {
	if !c.Given {
		return
	}
	fields[name] = json.RawMessage("null")
	if c.Value == nil {
		return
	}
	wire := convert(*c.Value)
	raw, err := json.Marshal(wire)
	if err != nil {
		return
	}
	if isNull(raw) { // an empty list, map or policy
		raw = []byte(empty(reflect.TypeOf(wire).Kind()))
	}
	fields[name] = raw
}

func empty(kind reflect.Kind) string {
	if kind == reflect.Slice {
		return "[]"
	}
	return "{}"
}
