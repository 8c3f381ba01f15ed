package wire

import (
	"math"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxLimit is the default and maximum number of runs in a response.
const maxLimit = 200

// The responses to a limit out of range, which is not a validation error (contract §1.4).
const (
	textLimitBelow = "Invalid limit: must be greater than or equal to 0."
	textLimitAbove = "Invalid limit: must be less than or equal to 200."
)

// sorts lists all sorts in Prefect's order.
var sorts = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationDesc, taskrun.SortDurationAsc,
}

// DecodeFilter reads the parameters of filter (contract §1.4). The parents are the filters
// on what the runs belong to.
func DecodeFilter(body pyjson.Value) (q taskrun.Query, parents flowrun.Filters, err error) {
	return decodeQuery(body, "offset", func(n validate.Node, q *taskrun.Query) { q.Offset = n.Natural() })
}

// decodeQuery reads filters, a sort and a limit, and with place the parameter
// that tells where to begin.
func decodeQuery(
	body pyjson.Value, placeKey string, place func(validate.Node, *taskrun.Query),
) (q taskrun.Query, parents flowrun.Filters, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, append([]string{"limit", "sort", placeKey}, filterKeys...)...)
	if !ok {
		return q, parents, Invalid(&faults, body)
	}
	if q.Limit, err = ReadLimit(p); err != nil {
		return q, parents, err
	}
	q.Sort = taskrun.SortIDDesc
	if sort, given := p.Given("sort"); given {
		q.Sort = validate.Enum(sort, sorts...)
	}
	if n, given := p.Given(placeKey); given {
		place(n, &q)
	}
	q.Filter, parents = readFilters(p)
	return q, parents, Invalid(&faults, body)
}

// ReadLimit reads the limit of a list. Prefect checks it before all other parameters.
func ReadLimit(p *validate.Model) (limit int, err error) {
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

// DecodeCount reads the parameters of count, which are the filters alone. The parents are
// as those of DecodeFilter.
func DecodeCount(body pyjson.Value) (f taskrun.Filter, parents flowrun.Filters, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, filterKeys...)
	if !ok {
		return f, parents, Invalid(&faults, body)
	}
	f, parents = readFilters(p)
	return f, parents, Invalid(&faults, body)
}

// filterKeys are the keys of the filters that most bodies have.
var filterKeys = []string{"flows", "flow_runs", "task_runs", "deployments"}

// readFilters reads the filters that most bodies have.
func readFilters(p *validate.Model) (f taskrun.Filter, parents flowrun.Filters) {
	parents = ReadFilters(p, filterKeys...)
	if parents.TaskRuns != nil {
		f, parents.TaskRuns = *parents.TaskRuns, nil
	}
	return f, parents
}

// DecodePaginate reads the parameters of paginate: those of filter, with a page counted from 1 instead of the offset
// (contract §1.4).
func DecodePaginate(body pyjson.Value) (q taskrun.Query, parents flowrun.Filters, page int, err error) {
	page = 1
	q, parents, err = decodeQuery(body, "page", func(n validate.Node, q *taskrun.Query) {
		page, q.Offset = ReadPage(n, q.Limit)
	})
	q.Counted = true
	return q, parents, page, err
}

// ReadPage reads the number of a page, and returns it with the offset of the page.
func ReadPage(n validate.Node, limit int) (page, offset int) {
	page = n.AtLeast(1)
	return page, product(page-1, limit)
}

// product multiplies numbers that are not negative. It is limited to the largest int.
func product(a, b int) int {
	if b > 0 && a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}
