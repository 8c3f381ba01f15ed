package wire

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textCacheKeyTooLong = "Cache key exceeded maximum allowed length of 2000 characters."

// DecodeCreate reads a TaskRunCreate (contract §2.2). A null body counts as
// missing.
func DecodeCreate(body pyjson.Value) (taskrun.NewRun, error) {
	if body.IsNull() {
		return taskrun.NewRun{}, missingBody()
	}
	var faults validate.Faults
	body = withDeprecatedPolicy(body)
	m, ok := faults.Node(body, "body").Model()
	if !ok {
		return taskrun.NewRun{}, invalid(&faults, body)
	}
	in := readCreate(m)
	return in, invalid(&faults, body)
}

func readCreate(m *validate.Model) taskrun.NewRun {
	var in taskrun.NewRun
	run := &in.Run
	run.ID = readUUID(m, "id")
	in.State = readInitialState(m)
	run.Name = readName(m)
	run.FlowRunID = readUUID(m, "flow_run_id")
	run.TaskKey = readRequiredText(m, "task_key")
	run.DynamicKey = readRequiredText(m, "dynamic_key")
	run.CacheKey = readCacheKey(m)
	run.CacheExpiration = readOptional(m, "cache_expiration", validate.Node.Time)
	run.TaskVersion = readOptional(m, "task_version", validate.Node.Text)
	run.Policy = readPolicy(m)
	run.Tags = readTags(m)
	run.Labels = readLabels(m)
	run.TaskInputs = readTaskInputs(m)
	m.ForbidOthers()
	return in
}

func readInitialState(m *validate.Model) *taskrun.Proposal {
	n, given := m.Given("state")
	if !given {
		return nil
	}
	proposal := readState(n)
	return &proposal
}

// readName reads a name. A value that is false in Python counts as missing.
func readName(m *validate.Model) string {
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

func readTags(m *validate.Model) []string {
	n, given := m.Field("tags")
	if !given {
		return []string{}
	}
	return validate.List(n, validate.Node.Text)
}

// readLabels reads labels. Null counts as none (contract §2.6).
func readLabels(m *validate.Model) map[string]json.RawMessage {
	n, given := m.Given("labels")
	if !given {
		return map[string]json.RawMessage{}
	}
	return validate.Dict(n, func(n validate.Node) json.RawMessage {
		return n.Scalar().AppendTo(nil)
	})
}

// readOptional reads a field that may be missing or null. The result is then
// nil.
func readOptional[T any](m *validate.Model, key string, read func(validate.Node) T) *T {
	n, given := m.Field(key)
	if !given {
		return nil
	}
	return validate.Optional(n, read)
}

// readUUID reads an id that may be missing or null. The result is then "".
func readUUID(m *validate.Model, key string) string {
	n, given := m.Given(key)
	if !given {
		return ""
	}
	return n.UUID()
}

func readRequiredText(m *validate.Model, key string) string {
	n, given := m.Required(key)
	if !given {
		return ""
	}
	return n.Text()
}
