package taskrun

import (
	"cmp"
	"slices"
	"strings"
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

// like reports whether the text holds the pattern somewhere, in which % stands
// for any characters and _ for one; ASCII letters match in either case
// (contract §2.7).
func like(text, pattern string) bool {
	return likeHere([]rune(lowerASCII(text)), []rune("%"+lowerASCII(pattern)+"%"))
}

// likeHere matches greedily from the last % on, so its time is bounded by the
// product of the lengths.
func likeHere(text, pattern []rune) bool {
	t, p, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == text[t]):
			t, p = t+1, p+1
		case star >= 0:
			mark++
			t, p = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[p:]), "%") == ""
}

func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// Page sorts the runs that match, in place, as the query says and cuts its page
// out of them.
func (q Query) Page(runs []*Run) Page {
	order := q.order()
	slices.SortFunc(runs, func(a, b *Run) int { return cmp.Or(order(a, b), cmp.Compare(a.ID, b.ID)) })
	rest := runs[min(max(q.Offset, 0), len(runs)):]
	page := Page{Runs: rest[:min(max(q.Limit, 0), len(rest))]}
	if q.Counted {
		page.Total = len(runs)
	}
	return page
}

// order compares two runs as the query's sort says, ties aside.
func (q Query) order() func(a, b *Run) int {
	switch q.Sort {
	case SortExpectedStartTimeAsc:
		return byTime(func(r *Run) *time.Time { return r.ExpectedStartTime })
	case SortExpectedStartTimeDesc:
		return descending(byTime(func(r *Run) *time.Time { return r.ExpectedStartTime }))
	case SortNameAsc:
		return byName
	case SortNameDesc:
		return descending(byName)
	case SortNextScheduledStartTimeAsc:
		return byTime(func(r *Run) *time.Time { return r.NextScheduledStartTime })
	case SortEndTimeDesc:
		return descending(byTime(func(r *Run) *time.Time { return r.EndTime }))
	case SortDurationAsc:
		return q.byDuration
	case SortDurationDesc:
		return descending(q.byDuration)
	default:
		return func(a, b *Run) int { return cmp.Compare(b.ID, a.ID) }
	}
}

func byName(a, b *Run) int { return cmp.Compare(a.Name, b.Name) }

func (q Query) byDuration(a, b *Run) int {
	return cmp.Compare(a.EstimatedRunTime(q.Now), b.EstimatedRunTime(q.Now))
}

// byTime puts missing times last, as PostgreSQL does.
func byTime(of func(*Run) *time.Time) func(a, b *Run) int {
	return func(a, b *Run) int {
		x, y := of(a), of(b)
		switch {
		case x == nil && y == nil:
			return 0
		case x == nil:
			return 1
		case y == nil:
			return -1
		default:
			return x.Compare(*y)
		}
	}
}

func descending(order func(a, b *Run) int) func(a, b *Run) int {
	return func(a, b *Run) int { return order(b, a) }
}
