package taskrun

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Page cuts the query's page out of the runs that match, and sorts it. The order
// of the runs it is given changes.
func (q Query) Page(runs []*Run) Page {
	page := Page{}
	if q.Counted {
		page.Total = len(runs)
	}
	order := q.total()
	first := min(max(q.Offset, 0), len(runs))
	moveTopKFirst(runs, first, order)
	runs = runs[first:]
	n := min(max(q.Limit, 0), len(runs))
	moveTopKFirst(runs, n, order)
	page.Runs = runs[:n]
	slices.SortFunc(page.Runs, order)
	return page
}

// total compares two runs as the query's sort says, ties by their ids.
func (q Query) total() func(a, b *Run) int {
	order := q.order()
	return func(a, b *Run) int {
		if c := order(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	}
}

// moveTopKFirst puts the n runs that come first before all others, in no order.
// A page is a small part of what matches: this is quicker than sorting it all.
func moveTopKFirst(runs []*Run, n int, order func(a, b *Run) int) {
	for 0 < n && n < len(runs) {
		pivot := runs[rand.IntN(len(runs))] //nolint:gosec // any will do; a random one has no bad inputs
		low, high := 0, len(runs)-1
		for low <= high {
			for order(runs[low], pivot) < 0 {
				low++
			}
			for order(runs[high], pivot) > 0 {
				high--
			}
			if low <= high {
				runs[low], runs[high] = runs[high], runs[low]
				low, high = low+1, high-1
			}
		}
		// What is up to high is not after the pivot, what is from low on not before.
		switch {
		case n <= high:
			runs = runs[:high+1]
		case n >= low:
			runs, n = runs[low:], n-low
		default:
			return
		}
	}
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
