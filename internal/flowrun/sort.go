package flowrun

import (
	"cmp"
	"math"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/topk"
)

// Sort orders runs. Equal ones follow in the order of their ids, so that pages neither
// repeat nor skip a run.
type Sort string

// The sorts of flows contract §5. Missing times come last in ascending and first in
// descending order, as on PostgreSQL.
const (
	SortIDDesc                    Sort = "ID_DESC"
	SortStartTimeAsc              Sort = "START_TIME_ASC" // the expected start time if the run has not started
	SortStartTimeDesc             Sort = "START_TIME_DESC"
	SortExpectedStartTimeAsc      Sort = "EXPECTED_START_TIME_ASC"
	SortExpectedStartTimeDesc     Sort = "EXPECTED_START_TIME_DESC"
	SortNameAsc                   Sort = "NAME_ASC"
	SortNameDesc                  Sort = "NAME_DESC"
	SortNextScheduledStartTimeAsc Sort = "NEXT_SCHEDULED_START_TIME_ASC"
	SortEndTimeDesc               Sort = "END_TIME_DESC"
)

// FlowSort orders flows, with ids as Sort has them.
type FlowSort string

// The sorts of flows contract §2.1.
const (
	FlowSortCreatedDesc FlowSort = "CREATED_DESC"
	FlowSortUpdatedDesc FlowSort = "UPDATED_DESC"
	FlowSortNameAsc     FlowSort = "NAME_ASC"
	FlowSortNameDesc    FlowSort = "NAME_DESC"
)

// ordering is an order of rows: by rank, then by compare, which does not contradict the
// rank.
type ordering[R any] struct {
	rank    func(R) uint64
	compare func(a, b R) int
}

// reversed is the opposite order.
func (o ordering[R]) reversed() ordering[R] {
	return ordering[R]{
		rank:    func(row R) uint64 { return ^o.rank(row) },
		compare: func(a, b R) int { return o.compare(b, a) },
	}
}

// thenByID orders equal rows by their ids.
func (o ordering[R]) thenByID(id func(R) string) ordering[R] {
	compare := o.compare
	o.compare = func(a, b R) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		return cmp.Compare(id(a), id(b))
	}
	return o
}

// byText orders by a text, by its bytes.
func byText[R any](text func(R) string) ordering[R] {
	return ordering[R]{
		rank:    func(row R) uint64 { return topk.Prefix(text(row)) },
		compare: func(a, b R) int { return cmp.Compare(text(a), text(b)) },
	}
}

// byTime orders by a time. A missing time is last.
func byTime[R any](at func(R) *time.Time) ordering[R] {
	rank := func(row R) uint64 {
		if t := at(row); t != nil {
			return topk.Sortable(t.UnixMicro())
		}
		return math.MaxUint64
	}
	return ordering[R]{rank: rank, compare: func(a, b R) int { return cmp.Compare(rank(a), rank(b)) }}
}

func (s Sort) ordering() ordering[*Run] {
	id := func(r *Run) string { return r.ID }
	expected := byTime(func(r *Run) *time.Time { return r.ExpectedStartTime })
	var o ordering[*Run]
	switch s {
	case SortStartTimeAsc:
		o = byTime((*Run).startOrExpected)
	case SortStartTimeDesc:
		o = byTime((*Run).startOrExpected).reversed()
	case SortExpectedStartTimeAsc:
		o = expected
	case SortExpectedStartTimeDesc:
		o = expected.reversed()
	case SortNameAsc:
		o = byText(func(r *Run) string { return r.Name })
	case SortNameDesc:
		o = byText(func(r *Run) string { return r.Name }).reversed()
	case SortNextScheduledStartTimeAsc:
		o = byTime(func(r *Run) *time.Time { return r.NextScheduledStartTime })
	case SortEndTimeDesc:
		o = byTime(func(r *Run) *time.Time { return r.EndTime }).reversed()
	default:
		return byText(id).reversed()
	}
	return o.thenByID(id)
}

func (s FlowSort) ordering() ordering[*Flow] {
	var o ordering[*Flow]
	switch s {
	case FlowSortCreatedDesc:
		o = byTime(func(f *Flow) *time.Time { return &f.Created }).reversed()
	case FlowSortUpdatedDesc:
		o = byTime(func(f *Flow) *time.Time { return &f.Updated }).reversed()
	case FlowSortNameDesc:
		o = byText(func(f *Flow) string { return f.Name }).reversed()
	default:
		o = byText(func(f *Flow) string { return f.Name })
	}
	return o.thenByID(func(f *Flow) string { return f.ID })
}
