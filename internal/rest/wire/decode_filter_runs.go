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

// ReadOr reports whether the filter's operator is or_. It may not be null.
func ReadOr(m *validate.Model) bool {
	n, given := m.Field("operator")
	return given && readOperator(n) == operatorOr
}

// readTaskRunFilter reads a TaskRunFilter (contract §2.7).
func readTaskRunFilter(n validate.Node) (f taskrun.Filter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.ID = ReadOptional(m, "id", readIDFilter)
		f.Name = ReadOptional(m, "name", readNameFilter)
		f.Tags = ReadOptional(m, "tags", readTagsFilter)
		f.State = ReadOptional(m, "state", readStateFilter)
		f.StartTime = ReadOptional(m, "start_time", readTimeFilter)
		f.EndTime = ReadOptional(m, "end_time", readTimeFilter)
		f.ExpectedStartTime = ReadOptional(m, "expected_start_time", readSpanFilter)
		f.Subflows = ReadOptional(m, "subflow_runs", readSubflowFilter)
		f.FlowRunID = ReadOptional(m, "flow_run_id", readFlowRunIDFilter)
	})
	return f
}

// readTimeFilter reads a filter on a time that may be missing.
func readTimeFilter(n validate.Node) (f taskrun.TimeFilter) {
	n.Closed(func(m *validate.Model) {
		f.Before = ReadOptional(m, "before_", validate.Node.Time)
		f.After = ReadOptional(m, "after_", validate.Node.Time)
		f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

// readSpanFilter reads a filter on a time without the criterion is_null_.
func readSpanFilter(n validate.Node) (f taskrun.TimeFilter) {
	n.Closed(func(m *validate.Model) {
		f.Before = ReadOptional(m, "before_", validate.Node.Time)
		f.After = ReadOptional(m, "after_", validate.Node.Time)
	})
	return f
}

func readSubflowFilter(n validate.Node) (f taskrun.SubflowFilter) {
	n.Closed(func(m *validate.Model) {
		f.Exists = ReadOptional(m, "exists_", validate.Node.Bool)
	})
	return f
}

func readIDFilter(n validate.Node) (f taskrun.IDFilter) {
	n.Closed(func(m *validate.Model) {
		f.Any = ReadList(m, "any_", validate.Node.UUID)
	})
	return f
}

func readNameFilter(n validate.Node) (f taskrun.NameFilter) {
	n.Closed(func(m *validate.Model) {
		f.Any = ReadList(m, "any_", validate.Node.Text)
		if like := ReadOptional(m, "like_", validate.Node.Text); like != nil {
			f.Like = *like
		}
	})
	return f
}

func readTagsFilter(n validate.Node) (f taskrun.TagsFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.All = taskrun.Distinct(ReadList(m, "all_", validate.Node.Text))
		f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

func readStateFilter(n validate.Node) (f taskrun.StateFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		if types := ReadOptional(m, "type", readAny(ReadStateType)); types != nil {
			f.Types = taskrun.Distinct(*types)
		}
		if names := ReadOptional(m, "name", readAny(validate.Node.Text)); names != nil {
			f.Names = *names
		}
	})
	return f
}

// readAny reads an object whose only key is any_.
func readAny[T string | orchestration.StateType](read func(validate.Node) T) func(validate.Node) []T {
	return func(n validate.Node) (items []T) {
		n.Closed(func(m *validate.Model) {
			items = ReadList(m, "any_", read)
		})
		return items
	}
}

// readFlowRunIDFilter reads the only filter whose is_null_ is false by default.
func readFlowRunIDFilter(n validate.Node) (f taskrun.FlowRunIDFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.Any = ReadList(m, "any_", validate.Node.UUID)
		no := false
		f.IsNull = &no
		if isNull, given := m.Field("is_null_"); given {
			f.IsNull = validate.Optional(isNull, validate.Node.Bool)
		}
	})
	return f
}

// ReadList reads a list that may be missing or null: that is nil. An empty list
// is not.
func ReadList[T any](m *validate.Model, key string, read func(validate.Node) T) []T {
	n, given := m.Given(key)
	if !given {
		return nil
	}
	return validate.List(n, read)
}
