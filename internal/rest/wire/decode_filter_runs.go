package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// operator joins the members of a filter.
type operator string

const (
	operatorAnd operator = "and_"
	operatorOr  operator = "or_"
)

func readOperator(n validate.Node) operator {
	return validate.Enum(n, operatorAnd, operatorOr)
}

// readOr reports whether the filter's operator is or_. It may not be null.
func readOr(m *validate.Model) bool {
	n, given := m.Field("operator")
	return given && readOperator(n) == operatorOr
}

// readTaskRunFilter reads a TaskRunFilter (contract §2.7).
func readTaskRunFilter(n validate.Node) (f taskrun.Filter) {
	n.Closed(func(m *validate.Model) {
		f.Or = readOr(m)
		f.ID = readOptional(m, "id", readIDFilter)
		f.Name = readOptional(m, "name", readNameFilter)
		f.Tags = readOptional(m, "tags", readTagsFilter)
		f.State = readOptional(m, "state", readStateFilter)
		f.StartTime = readOptional(m, "start_time", readTimeFilter)
		f.EndTime = readOptional(m, "end_time", readTimeFilter)
		f.ExpectedStartTime = readOptional(m, "expected_start_time", readSpanFilter)
		f.Subflows = readOptional(m, "subflow_runs", readSubflowFilter)
		f.FlowRunID = readOptional(m, "flow_run_id", readFlowRunIDFilter)
	})
	return f
}

// readTimeFilter reads a filter on a time that may be missing.
func readTimeFilter(n validate.Node) (f taskrun.TimeFilter) {
	n.Closed(func(m *validate.Model) {
		f.Before = readOptional(m, "before_", validate.Node.Time)
		f.After = readOptional(m, "after_", validate.Node.Time)
		f.IsNull = readOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

// readSpanFilter reads a filter on a time without the criterion is_null_.
func readSpanFilter(n validate.Node) (f taskrun.TimeFilter) {
	n.Closed(func(m *validate.Model) {
		f.Before = readOptional(m, "before_", validate.Node.Time)
		f.After = readOptional(m, "after_", validate.Node.Time)
	})
	return f
}

func readSubflowFilter(n validate.Node) (f taskrun.SubflowFilter) {
	n.Closed(func(m *validate.Model) {
		f.Exists = readOptional(m, "exists_", validate.Node.Bool)
	})
	return f
}

func readIDFilter(n validate.Node) (f taskrun.IDFilter) {
	n.Closed(func(m *validate.Model) {
		f.Any = readList(m, "any_", validate.Node.UUID)
	})
	return f
}

func readNameFilter(n validate.Node) (f taskrun.NameFilter) {
	n.Closed(func(m *validate.Model) {
		f.Any = readList(m, "any_", validate.Node.Text)
		if like := readOptional(m, "like_", validate.Node.Text); like != nil {
			f.Like = *like
		}
	})
	return f
}

func readTagsFilter(n validate.Node) (f taskrun.TagsFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = readOr(m)
		f.All = taskrun.Distinct(readList(m, "all_", validate.Node.Text))
		f.IsNull = readOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

func readStateFilter(n validate.Node) (f taskrun.StateFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = readOr(m)
		if types := readOptional(m, "type", readAny(readStateType)); types != nil {
			f.Types = taskrun.Distinct(*types)
		}
		if names := readOptional(m, "name", readAny(validate.Node.Text)); names != nil {
			f.Names = *names
		}
	})
	return f
}

// readAny reads an object whose only key is any_.
func readAny[T string | orchestration.StateType](read func(validate.Node) T) func(validate.Node) []T {
	return func(n validate.Node) (items []T) {
		n.Closed(func(m *validate.Model) {
			items = readList(m, "any_", read)
		})
		return items
	}
}

// readFlowRunIDFilter reads the only filter whose is_null_ is false by default.
func readFlowRunIDFilter(n validate.Node) (f taskrun.FlowRunIDFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = readOr(m)
		f.Any = readList(m, "any_", validate.Node.UUID)
		no := false
		f.IsNull = &no
		if isNull, given := m.Field("is_null_"); given {
			f.IsNull = validate.Optional(isNull, validate.Node.Bool)
		}
	})
	return f
}

// readList reads a list that may be missing or null. The result is then nil. It
// is not nil for an empty list.
func readList[T any](m *validate.Model, key string, read func(validate.Node) T) []T {
	n, given := m.Given(key)
	if !given {
		return nil
	}
	return validate.List(n, read)
}
