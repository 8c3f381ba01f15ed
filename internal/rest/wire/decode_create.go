package wire

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textCacheKeyTooLong = "Cache key exceeded maximum allowed length of 2000 characters."

// DecodeCreate reads a TaskRunCreate (contract §2.2). A null body is missing.
func DecodeCreate(body pyjson.Value) (in taskrun.NewRun, err error) {
	err = ReadModel(WithDeprecatedPolicy(body), func(m *validate.Model) { in = readCreate(m) })
	return in, err
}

func readCreate(m *validate.Model) (in taskrun.NewRun) {
	run := &in.Run
	run.ID = ReadUUID(m, "id")
	in.State = ReadInitialState(m)
	run.Name = ReadName(m)
	run.FlowRunID = ReadUUID(m, "flow_run_id")
	run.TaskKey = ReadRequiredText(m, "task_key")
	run.DynamicKey = ReadRequiredText(m, "dynamic_key")
	run.CacheKey = readCacheKey(m)
	run.CacheExpiration = ReadOptional(m, "cache_expiration", validate.Node.Time)
	run.TaskVersion = ReadOptional(m, "task_version", validate.Node.Text)
	run.Policy = readPolicy(m)
	run.Tags = ReadTags(m)
	run.Labels = ReadLabels(m)
	run.TaskInputs = readTaskInputs(m)
	return in
}

// ReadInitialState reads the first state of a run, nil if there is none.
func ReadInitialState(m *validate.Model) *taskrun.Proposal {
	n, given := m.Given("state")
	if !given {
		return nil
	}
	proposal := ReadState(n)
	return &proposal
}

// ReadName reads the name of a run. What Python takes for false is no name: "".
func ReadName(m *validate.Model) string {
	n, given := m.Field("name")
	if !given || !n.Value.Truthy() {
		return ""
	}
	return n.Text()
}

func readCacheKey(m *validate.Model) *string {
	n, given := m.Given("cache_key")
	if !given {
		return nil
	}
	key := n.Text()
	if utf8.RuneCountInString(key) > taskrun.MaxCacheKey {
		n.Refuse(textCacheKeyTooLong)
	}
	return &key
}

// ReadTags reads tags. Without the key there are none. The result is never nil.
func ReadTags(m *validate.Model) []string {
	n, given := m.Field("tags")
	if !given {
		return []string{}
	}
	return validate.List(n, validate.Node.Text)
}

// ReadLabels reads labels, whose values are scalars. Null is none (contract §2.6). The result is never nil.
func ReadLabels(m *validate.Model) map[string]json.RawMessage {
	n, given := m.Given("labels")
	if !given {
		return map[string]json.RawMessage{}
	}
	return validate.Dict(n, func(n validate.Node) json.RawMessage {
		return n.Scalar().AppendTo(nil)
	})
}

// ReadOptional reads a field. The result is nil if the field is missing or null.
func ReadOptional[T any](m *validate.Model, key string, read func(validate.Node) T) *T {
	n, given := m.Field(key)
	if !given {
		return nil
	}
	return validate.Optional(n, read)
}

// ReadUUID reads an id. The result is "" if the field is missing or null.
func ReadUUID(m *validate.Model, key string) string {
	n, given := m.Given(key)
	if !given {
		return ""
	}
	return n.UUID()
}

// ReadRequiredText reads a text that cannot be missing or null.
func ReadRequiredText(m *validate.Model, key string) string {
	n, given := m.Required(key)
	if !given {
		return ""
	}
	return n.Text()
}
