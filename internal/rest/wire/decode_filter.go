package wire

import (
	"math"
	"net/http"

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

// Validation is the result of the validation of a body. The zero value means that the body is valid.
type Validation struct {
	faults []validate.Error
	detail string // in place of faults, what a handler says against it
}

// Err returns the error for the response to a request with that body: an InvalidError, a DetailError, or nil if the
// body is valid.
func (a Validation) Err(body pyjson.Value) error {
	switch {
	case a.detail != "":
		return NewDetailError(http.StatusUnprocessableEntity, a.detail)
	case len(a.faults) > 0:
		return &InvalidError{Items: a.faults, Body: body}
	default:
		return nil
	}
}

// ListRequest is a decoded body with filters, sort and limit, and the result of its validation.
type ListRequest struct {
	Query taskrun.Query // without Now
	Validation
}

// sorts are all of them, in Prefect's order.
var sorts = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationDesc, taskrun.SortDurationAsc,
}

// DecodeFilter reads the parameters of filter (contract §1.4).
func DecodeFilter(body pyjson.Value) ListRequest {
	return decodeQuery(body, "offset", func(n validate.Node, q *taskrun.Query) { q.Offset = n.Natural() })
}

// decodeQuery reads filters, a sort and a limit, and with place the parameter
// that tells where to begin.
func decodeQuery(body pyjson.Value, placeKey string, place func(validate.Node, *taskrun.Query)) ListRequest {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "limit", "sort", placeKey, "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return ListRequest{Validation: Validation{faults: missing}}
	}
	a := readLimit(p)
	if a.detail != "" {
		return a
	}
	a.Query.Sort = taskrun.SortIDDesc
	if sort, given := p.Given("sort"); given {
		a.Query.Sort = validate.Enum(sort, sorts...)
	}
	if n, given := p.Given(placeKey); given {
		place(n, &a.Query)
	}
	a.Query.Filter = readFilters(p)
	a.faults = faults.Errors()
	return a
}

// refuseLimit says what is wrong with a limit, if anything is.
func checkLimit(limit int) string {
	switch {
	case limit < 0:
		return textLimitBelow
	case limit > maxLimit:
		return textLimitAbove
	default:
		return ""
	}
}

// readLimit reads how many are asked for. Prefect judges that before it looks at
// anything else.
func readLimit(p *validate.Model) ListRequest {
	a := ListRequest{Query: taskrun.Query{Limit: maxLimit}}
	if limit, given := p.Given("limit"); given {
		a.Query.Limit = limit.SmallInt()
	}
	if text := checkLimit(a.Query.Limit); text != "" {
		return ListRequest{Validation: Validation{detail: text}}
	}
	return a
}

// DecodeCount reads the parameters of count, which are the filters alone.
func DecodeCount(body pyjson.Value) ListRequest {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return ListRequest{Validation: Validation{faults: missing}}
	}
	return ListRequest{Query: taskrun.Query{Filter: readFilters(p)}, Validation: Validation{faults: faults.Errors()}}
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
func DecodePaginate(body pyjson.Value) (a ListRequest, page int) {
	page = 1
	a = decodeQuery(body, "page", func(n validate.Node, q *taskrun.Query) {
		page = n.AtLeast(1)
		q.Offset = product(page-1, q.Limit)
	})
	a.Query.Counted = true
	return a, page
}

// product multiplies numbers that are not negative; the largest int stands for
// more.
func product(a, b int) int {
	if b > 0 && a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}
