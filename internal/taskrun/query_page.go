package taskrun

import (
	"cmp"
	"math"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/topk"
)

// Page selects the query's page from the matching runs, and sorts it. It does not
// sort the other runs, because a page is a small part of them.
func (q Query) Page(runs []*Run) Page {
	page := Page{}
	if q.Counted {
		page.Total = len(runs)
	}
	rank, top := q.rank(), topk.NewTop(topk.Needed(q.Offset, q.Limit, len(runs)), q.total())
	top.Grow(len(runs))
	for _, run := range runs {
		top.Add(rank(run), run)
	}
	page.Runs = top.Sorted(q.Offset)
	return page
}

// rank returns a function that is monotonic in the query's order: if the ranks of
// two runs differ, the runs compare in the same way.
func (q Query) rank() func(*Run) uint64 {
	switch q.Sort {
	case SortExpectedStartTimeAsc:
		return func(r *Run) uint64 { return rankOf(r.ExpectedStartTime) }
	case SortExpectedStartTimeDesc:
		return func(r *Run) uint64 { return ^rankOf(r.ExpectedStartTime) }
	case SortNameAsc:
		return func(r *Run) uint64 { return topk.Prefix(r.Name) }
	case SortNameDesc:
		return func(r *Run) uint64 { return ^topk.Prefix(r.Name) }
	case SortNextScheduledStartTimeAsc:
		return func(r *Run) uint64 { return rankOf(r.NextScheduledStartTime) }
	case SortEndTimeDesc:
		return func(r *Run) uint64 { return ^rankOf(r.EndTime) }
	case SortDurationAsc:
		return func(r *Run) uint64 { return topk.Sortable(int64(r.EstimatedRunTime(q.Now))) }
	case SortDurationDesc:
		return func(r *Run) uint64 { return ^topk.Sortable(int64(r.EstimatedRunTime(q.Now))) }
	default:
		return func(r *Run) uint64 { return ^topk.Prefix(r.ID) }
	}
}

// rankOf returns the rank of a time. A missing time is last.
func rankOf(t *time.Time) uint64 {
	if t == nil {
		return math.MaxUint64
	}
	return topk.Sortable(t.UnixMicro())
}

// total compares two runs in the query's order, then by id.
func (q Query) total() func(a, b *Run) int {
	order := q.order()
	return func(a, b *Run) int {
		if c := order(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	}
}

// order compares two runs in the query's order only.
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

// byTime orders missing times last, like PostgreSQL.
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
