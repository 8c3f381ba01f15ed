package taskrun

import (
	"cmp"
	"slices"
	"time"
)

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
