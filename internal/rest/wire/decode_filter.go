package wire

import (
	"math"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxLimit is how many runs one answer holds, by default and at most.
const maxLimit = 200

// The answers to a limit out of range, which are no validation errors
// (contract §1.4).
const (
	textLimitBelow = "Invalid limit: must be greater than or equal to 0."
	textLimitAbove = "Invalid limit: must be less than or equal to 200."
)

// sorts are all of them, in Prefect's order.
var sorts = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationDesc, taskrun.SortDurationAsc,
}

// DecodeFilter reads the parameters of filter (contract §1.4).
func DecodeFilter(body pyjson.Value) (taskrun.Query, error) {
	return decodeQuery(body, "offset", func(n validate.Node, q *taskrun.Query) { q.Offset = n.Natural() })
}

// decodeQuery reads filters, a sort and a limit, and with place the parameter
// that tells where to begin.
func decodeQuery(body pyjson.Value, placeKey string, place func(validate.Node, *taskrun.Query)) (q taskrun.Query, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "limit", "sort", placeKey, "flows", "flow_runs", "task_runs", "deployments")
	if !ok {
		return q, Invalid(&faults, body)
	}
	if q.Limit, err = readLimit(p); err != nil {
		return q, err
	}
	q.Sort = taskrun.SortIDDesc
	if sort, given := p.Given("sort"); given {
		q.Sort = validate.Enum(sort, sorts...)
	}
	if n, given := p.Given(placeKey); given {
		place(n, &q)
	}
	q.Filter = readFilters(p)
	return q, Invalid(&faults, body)
}

// readLimit reads the limit of a list. Prefect checks it before all other parameters.
func readLimit(p *validate.Model) (limit int, err error) {
	limit = maxLimit
	if n, given := p.Given("limit"); given {
		limit = n.SmallInt()
	}
	switch {
	case limit < 0:
		return 0, unprocessable(textLimitBelow)
	case limit > maxLimit:
		return 0, unprocessable(textLimitAbove)
	default:
		return limit, nil
	}
}

// DecodeCount reads the parameters of count, which are the filters alone.
func DecodeCount(body pyjson.Value) (taskrun.Filter, error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "flows", "flow_runs", "task_runs", "deployments")
	if !ok {
		return taskrun.Filter{}, Invalid(&faults, body)
	}
	f := readFilters(p)
	return f, Invalid(&faults, body)
}

// readFilters reads the four filters that most bodies have.
func readFilters(p *validate.Model) taskrun.Filter {
	flows := readParent(p, "flows", flowFilter)
	flowRuns := readParent(p, "flow_runs", flowRunFilter)
	var f taskrun.Filter
	if n, given := p.Given("task_runs"); given {
		f = readTaskRunFilter(n)
	}
	f.Parents = parentsOf(flows, flowRuns, readParent(p, "deployments", deploymentFilter))
	return f
}

// parentsOf joins the filters on what runs belong to, nil if none was given.
func parentsOf(flows, flowRuns, deployments *taskrun.ParentCriteria) *taskrun.ParentFilter {
	if flows == nil && flowRuns == nil && deployments == nil {
		return nil
	}
	return &taskrun.ParentFilter{Flow: flows, FlowRun: flowRuns, Deployment: deployments}
}

// DecodePaginate reads the parameters of paginate: those of filter, with a page, counted from 1, in place of the offset
// (contract §1.4).
func DecodePaginate(body pyjson.Value) (q taskrun.Query, page int, err error) {
	page = 1
	q, err = decodeQuery(body, "page", func(n validate.Node, q *taskrun.Query) {
		page = n.AtLeast(1)
		q.Offset = product(page-1, q.Limit)
	})
	q.Counted = true
	return q, page, err
}

// product multiplies numbers that are not negative; the largest int stands for
// more.
func product(a, b int) int {
	if b > 0 && a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}
