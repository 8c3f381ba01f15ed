package taskrun

import (
	"slices"
	"time"
)

// Match reports whether the run passes the filter.
func (f Filter) Match(run *Run) bool {
	var c criteria
	c.add(f.ID != nil, func() bool { return f.ID.match(run) })
	c.add(f.Name != nil, func() bool { return f.Name.match(run) })
	c.add(f.Tags != nil, func() bool { return f.Tags.match(run) })
	c.add(f.State != nil, func() bool { return f.State.match(run) })
	c.add(f.StartTime != nil, func() bool { return f.StartTime.match(run.StartTime) })
	c.add(f.EndTime != nil, func() bool { return f.EndTime.match(run.EndTime) })
	c.add(f.ExpectedStartTime != nil, func() bool { return f.ExpectedStartTime.match(run.ExpectedStartTime) })
	c.add(f.FlowRunID != nil, func() bool { return f.FlowRunID.match(run) })
	return c.hold(f.Or)
}

// criteria counts those that were given, and those of them that hold.
type criteria struct{ given, held int }

func (c *criteria) add(given bool, holds func() bool) {
	if !given {
		return
	}
	c.given++
	if holds() {
		c.held++
	}
}

// hold joins the criteria: one is enough with or, else all are needed. Without
// any, everything passes.
func (c *criteria) hold(or bool) bool {
	return c.held == c.given || (or && c.held > 0)
}

func (f *IDFilter) match(run *Run) bool {
	return f.Any == nil || slices.Contains(f.Any, run.ID)
}

func (f *NameFilter) match(run *Run) bool {
	return (f.Any == nil || slices.Contains(f.Any, run.Name)) &&
		(f.Like == "" || like(run.Name, f.Like))
}

func (f *TagsFilter) match(run *Run) bool {
	var c criteria
	c.add(len(f.All) > 0, func() bool {
		return !slices.ContainsFunc(f.All, func(tag string) bool { return !slices.Contains(run.Tags, tag) })
	})
	c.add(f.IsNull != nil, func() bool { return *f.IsNull == (len(run.Tags) == 0) })
	return c.hold(f.Or)
}

func (f *StateFilter) match(run *Run) bool {
	var c criteria
	c.add(f.Types != nil, func() bool { return run.State != nil && slices.Contains(f.Types, run.State.Type) })
	c.add(f.Names != nil, func() bool { return run.State != nil && slices.Contains(f.Names, run.State.Name) })
	return c.hold(f.Or)
}

func (f *TimeFilter) match(t *time.Time) bool {
	return (f.Before == nil || (t != nil && !t.After(*f.Before))) &&
		(f.After == nil || (t != nil && !t.Before(*f.After))) &&
		(f.IsNull == nil || *f.IsNull == (t == nil))
}

func (f *FlowRunIDFilter) match(run *Run) bool {
	inFlow := run.FlowRunID != ""
	switch {
	case f.IsNull != nil && *f.IsNull:
		return !inFlow
	case f.Any != nil:
		return inFlow && slices.Contains(f.Any, run.FlowRunID)
	default:
		return f.IsNull == nil || inFlow
	}
}
