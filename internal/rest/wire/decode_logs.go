package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// maxSearch is the maximum number of characters of a search in logs.
const maxSearch = 200

// DecodeLogs reads the lines that a client logged.
func DecodeLogs(body pyjson.Value) ([]logs.Line, error) {
	var faults validate.Faults
	n := faults.Node(body, "body")
	switch body.Kind() {
	case pyjson.Array:
		lines := validate.List(n, readLog)
		return lines, Invalid(&faults, body)
	case pyjson.Null:
		faults.Report(validate.Missing(nullValue, "body"))
	case pyjson.String:
		n.Add("sequence_str", "'str' instances are not allowed as a Sequence value", validate.Context("type_name", "str"))
	default:
		n.Add("is_instance_of", "Input should be an instance of Sequence", validate.Context("class", "Sequence"))
	}
	return nil, Invalid(&faults, body)
}

func readLog(n validate.Node) (line logs.Line) {
	n.Closed(func(m *validate.Model) {
		if n, given := m.Required("name"); given {
			line.Name = n.Text()
		}
		if n, given := m.Required("level"); given {
			line.Level = n.SmallInt()
		}
		if n, given := m.Required("message"); given {
			line.Message = n.Text()
		}
		if n, given := m.Required("timestamp"); given {
			line.Timestamp = n.Time().UTC()
		}
		line.FlowRunID = ReadUUID(m, "flow_run_id")
		line.TaskRunID = ReadUUID(m, "task_run_id")
	})
	return line
}

// DecodeLogFilter reads the parameters of logs/filter.
func DecodeLogFilter(body pyjson.Value) (q logs.Query, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "limit", "offset", "logs", "sort")
	if !ok {
		return q, Invalid(&faults, body)
	}
	if q.Limit, err = ReadLimit(p); err != nil {
		return q, err
	}
	if offset, given := p.Given("offset"); given {
		q.Offset = offset.Natural()
	}
	if logs, given := p.Given("logs"); given {
		q.Filter = readLogFilter(logs)
	}
	if sort, given := p.Given("sort"); given {
		q.Descending = validate.Enum(sort, sortTimestampAsc, sortTimestampDesc) == sortTimestampDesc
	}
	return q, Invalid(&faults, body)
}

const (
	sortTimestampAsc  = "TIMESTAMP_ASC"
	sortTimestampDesc = "TIMESTAMP_DESC"
)

func readLogFilter(n validate.Node) (f logs.Filter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.Level = ReadOptional(m, "level", readLevelFilter)
		f.Timestamp = ReadOptional(m, "timestamp", readSpanFilter)
		f.FlowRunID = ReadOptional(m, "flow_run_id", readIDFilter)
		f.TaskRunID = ReadOptional(m, "task_run_id", readLogRunFilter)
		f.Text = ReadOptional(m, "text", readTextFilter)
	})
	return f
}

func readLevelFilter(n validate.Node) (f logs.LevelFilter) {
	n.Closed(func(m *validate.Model) {
		f.AtLeast = ReadOptional(m, "ge_", validate.Node.SmallInt)
		f.AtMost = ReadOptional(m, "le_", validate.Node.SmallInt)
	})
	return f
}

func readLogRunFilter(n validate.Node) (f logs.RunFilter) {
	n.Closed(func(m *validate.Model) {
		f.Any = ReadList(m, "any_", validate.Node.UUID)
		f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

func readTextFilter(n validate.Node) (f logs.TextFilter) {
	n.Closed(func(m *validate.Model) {
		if query, given := m.Required("query"); given {
			f = searchOf(query.TextUpTo(maxSearch))
		}
	})
	return f
}
