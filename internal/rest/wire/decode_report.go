package wire

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeReport reads the report of a task run from an event (contract §4.4). The error names the first invalid
// field.
func DecodeReport(e Event) (taskrun.Event, error) {
	var faults validate.Faults
	report := taskrun.Event{
		RunID: readObjectID(faults.Node(pyjson.StringValue(e.resource[labelResourceID]), "resource"), resourceTaskRun),
	}
	m, ok := faults.Node(e.payload, "payload").Model()
	if !ok {
		return report, newFieldError(faults.Errors()[0])
	}
	if n, given := m.Required("validated_state"); given {
		report.State = readReportedState(n, e)
	}
	if n, given := m.Required("task_run"); given {
		report.Patch = readColumns(n)
	}
	report.State.Follows = e.follows
	report.Patch.FlowRunID = readFlowRun(&faults, e.related)
	if items := faults.Errors(); len(items) > 0 {
		return taskrun.Event{}, newFieldError(items[0])
	}
	return report, nil
}

// readObjectID reads the id of a resource of one kind.
func readObjectID(n validate.Node, kind string) string {
	text := n.Value.Text()
	if len(text) < len(kind) || text[:len(kind)] != kind {
		n.Refuse(fmt.Sprintf("%q is no resource of the kind %q", text, kind))
		return ""
	}
	n.Value = pyjson.StringValue(text[len(kind):])
	return n.UUID()
}

// readFlowRun reads the id of the flow run from the related resources, null if there is none.
func readFlowRun(faults *validate.Faults, related []map[string]string) taskrun.Optional[string] {
	for i, labels := range related {
		if labels[labelResourceRole] == roleFlowRun {
			return taskrun.Set(readObjectID(faults.Node(pyjson.StringValue(labels[labelResourceID]), "related", i), resourceFlowRun))
		}
	}
	return taskrun.Null[string]()
}

// readReportedState reads a State. The default of its id and time are those of the event.
func readReportedState(n validate.Node, e Event) orchestration.State {
	m, ok := n.Model()
	if !ok {
		return orchestration.State{}
	}
	id, at := e.ID, e.occurred
	if n, given := m.Field("id"); given {
		id = n.UUID()
	}
	var p taskrun.Proposal
	if n, given := m.Required("type"); given {
		p.Type = ReadStateType(n)
	}
	p.Name = ReadOptional(m, "name", validate.Node.Text)
	if n, given := m.Field("timestamp"); given {
		at = n.Time()
	}
	p.Message = ReadOptional(m, "message", validate.Node.Text)
	p.Details = readStateDetails(m)
	state := p.State(id, at.UTC())
	if n, given := m.Given("data"); given {
		state.Data = n.Value.AppendTo(nil) // kept whole, unlike over REST (contract §2.3)
	}
	return state
}

// readColumns reads the given keys of a TaskRun. It ignores other keys, keys that depend on the state, and keys of
// the server.
func readColumns(n validate.Node) taskrun.Patch {
	var c taskrun.Patch
	m, ok := n.Model()
	if !ok {
		return c
	}
	c.Name = ReadNameColumn(m)
	c.TaskKey = taskrun.Set(ReadRequiredText(m, "task_key"))
	c.DynamicKey = taskrun.Set(ReadRequiredText(m, "dynamic_key"))
	c.CacheKey = ReadNullable(m, "cache_key", validate.Node.Text)
	c.CacheExpiration = ReadNullable(m, "cache_expiration", readUTC)
	c.TaskVersion = ReadNullable(m, "task_version", validate.Node.Text)
	c.Policy = ReadPart(m, keyPolicy, readReportedPolicy)
	c.Tags = ReadPart(m, "tags", ReadTags)
	c.Labels = ReadPart(m, "labels", ReadLabels)
	if labels, given := n.Value.Member("labels"); given && labels.IsNull() {
		c.Labels.Value = nil // unlike in a create, null stays null (contract §2.1)
	}
	c.TaskInputs = ReadPart(m, "task_inputs", readTaskInputs)
	readProgress(m, &c)
	return c
}

func readProgress(m *validate.Model, c *taskrun.Patch) {
	c.RunCount = readColumn(m, "run_count", ReadInt64)
	c.FlowRunRunCount = readColumn(m, "flow_run_run_count", ReadInt64)
	c.ExpectedStartTime = ReadNullable(m, "expected_start_time", readUTC)
	c.NextScheduledStartTime = ReadNullable(m, "next_scheduled_start_time", readUTC)
	c.StartTime = ReadNullable(m, "start_time", readUTC)
	c.EndTime = ReadNullable(m, "end_time", readUTC)
	c.TotalRunTime = readColumn(m, "total_run_time", readDuration)
}

// ReadNameColumn reads the name of a run. What Python takes for false is null: the name
// has to be generated (contract §0.13).
func ReadNameColumn(m *validate.Model) taskrun.Optional[string] {
	n, given := m.Field("name")
	switch {
	case !given:
		return taskrun.Optional[string]{}
	case !n.Value.Truthy():
		return taskrun.Null[string]()
	default:
		return taskrun.Set(n.Text())
	}
}

// ReadPart reads a key, if it is there, with what reads it in a create.
func ReadPart[T any](m *validate.Model, key string, read func(*validate.Model) T) (c taskrun.Optional[T]) {
	if m.Has(key) {
		c = taskrun.Set(read(m))
	}
	return c
}

// readReportedPolicy reads the policy of a run. As in a create, the deprecated keys set the current ones. The number
// of delays is not limited, because a state must not be lost for it; delays beyond the limit are dropped.
func readReportedPolicy(run *validate.Model) taskrun.Policy {
	n, _ := run.Field(keyPolicy)
	m, ok := policyNode(n).Model()
	if !ok {
		return taskrun.Policy{}
	}
	return readPolicyKeys(m, math.MaxInt)
}

func policyNode(n validate.Node) validate.Node {
	n.Value = followDeprecated(n.Value)
	return n
}

// readColumn reads a key that may be missing but not null.
func readColumn[T any](m *validate.Model, key string, read func(validate.Node) T) (c taskrun.Optional[T]) {
	if n, given := m.Field(key); given {
		c = taskrun.Set(read(n))
	}
	return c
}

// ReadNullable reads a key that may be missing or null.
func ReadNullable[T any](m *validate.Model, key string, read func(validate.Node) T) (c taskrun.Optional[T]) {
	if n, given := m.Field(key); given {
		c = taskrun.Optional[T]{Given: true, Value: validate.Optional(n, read)}
	}
	return c
}

func readUTC(n validate.Node) time.Time { return n.Time().UTC() }

// ReadInt64 reads an integer; one beyond the range is the nearest in it.
func ReadInt64(n validate.Node) int64 {
	i, _ := strconv.ParseInt(n.Int(), 10, 64) // of what is out of range it returns the nearest
	return i
}

// longestSeconds is the longest Duration, in whole seconds.
const longestSeconds = math.MaxInt64 / int64(time.Second)

// readDuration reads a number of seconds, or an ISO 8601 duration. A value out of range becomes the nearest
// Duration.
func readDuration(n validate.Node) time.Duration {
	if n.Value.Kind() == pyjson.String {
		if d, ok := validate.Duration(n.Value.Text()); ok {
			return d
		}
	}
	seconds, err := strconv.ParseFloat(n.Float(), 64)
	if math.IsNaN(seconds) || (err != nil && !errors.Is(err, strconv.ErrRange)) {
		n.Refuse("the duration is no number")
		return 0
	}
	seconds = min(max(seconds, -float64(longestSeconds)), float64(longestSeconds))
	return time.Duration(math.Round(seconds*1e6)) * time.Microsecond
}
