package flowrun

import (
	"iter"
	"math"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/topk"
)

// Query asks for runs.
type Query struct {
	Filters
	Sort   Sort
	Limit  int // 0: none are returned
	Offset int
	// Counted requests Page.Total, which reads every run that may match.
	Counted bool
}

// Page answers a Query. All of it is of one moment.
type Page struct {
	Runs  []*Run
	Total int // how many match, whatever Limit and Offset say; 0 unless Query.Counted
}

// FlowQuery asks for flows. Runs and TaskRuns of the filters leave flows with a run that
// matches both.
type FlowQuery struct {
	Filters
	Sort    FlowSort
	Limit   int // 0: none are returned
	Offset  int
	Counted bool // requests FlowPage.Total
}

// FlowPage answers a FlowQuery. All of it is of one moment.
type FlowPage struct {
	Flows []*Flow
	Total int // as Page.Total
}

// HistoryQuery asks how many runs were to start when.
type HistoryQuery struct {
	Filters
	taskrun.Window
}

// Page returns the page of the runs in the snapshot that match.
func (q *Query) Page(s Snapshot, joined Joined) Page {
	runs, total := selectPage(q.Matching(s, joined), q.Sort.ordering(), q.Offset, q.Limit, q.Counted)
	return Page{Runs: runs, Total: total}
}

// Page returns the page of the flows in the snapshot that match.
func (q *FlowQuery) Page(s Snapshot, joined Joined) FlowPage {
	flows, total := selectPage(q.MatchingFlows(s, joined), q.Sort.ordering(), q.Offset, q.Limit, q.Counted)
	return FlowPage{Flows: flows, Total: total}
}

// Count returns the number of runs in the snapshot that match.
func (f *Filters) Count(s Snapshot, joined Joined) int { return count(f.Matching(s, joined)) }

// CountFlows returns the number of flows in the snapshot that match.
func (f *Filters) CountFlows(s Snapshot, joined Joined) int { return count(f.MatchingFlows(s, joined)) }

func count[R any](rows iter.Seq[R]) (n int) {
	for range rows {
		n++
	}
	return n
}

// selectPage returns the rows of a page in their order, and with counted the number of all rows.
func selectPage[R any](rows iter.Seq[R], order ordering[R], offset, limit int, counted bool) (page []R, total int) {
	top := topk.NewTop(topk.Needed(offset, limit, math.MaxInt), order.compare)
	for row := range rows {
		total++
		top.Add(order.rank(row), row)
	}
	if !counted {
		total = 0
	}
	return top.Sorted(offset), total
}
