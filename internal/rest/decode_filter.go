package rest

import (
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

// refusal tells why a body is not answered; the zero one lets it pass.
type validation struct {
	faults []validate.Error
	detail string // in place of faults, what a handler says against it
}

// fault is the error to answer with, nil if there is none.
func (a validation) err(body pyjson.Value) error {
	switch {
	case a.detail != "":
		return newDetailError(http.StatusUnprocessableEntity, a.detail)
	case len(a.faults) > 0:
		return &invalidError{items: a.faults, body: body}
	default:
		return nil
	}
}

// asked is what a body of filters asks for, or why it is not answered.
type listRequest struct {
	query taskrun.Query // without Now
	validation
}

// sorts are all of them, in Prefect's order.
var sorts = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationDesc, taskrun.SortDurationAsc,
}

// decodeFilter reads the parameters of filter (contract §1.4).
func decodeFilter(body pyjson.Value) listRequest {
	return decodeQuery(body, "offset", func(n validate.Node, q *taskrun.Query) { q.Offset = n.Natural() })
}

// decodeQuery reads filters, a sort and a limit, and with place the parameter
// that tells where to begin.
func decodeQuery(body pyjson.Value, placeKey string, place func(validate.Node, *taskrun.Query)) listRequest {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "limit", "sort", placeKey, "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return listRequest{validation: validation{faults: missing}}
	}
	a := readLimit(p)
	if a.detail != "" {
		return a
	}
	a.query.Sort = taskrun.SortIDDesc
	if sort, given := p.Given("sort"); given {
		a.query.Sort = validate.Enum(sort, sorts...)
	}
	if n, given := p.Given(placeKey); given {
		place(n, &a.query)
	}
	a.query.Filter = readFilters(p)
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
func readLimit(p *validate.Model) listRequest {
	a := listRequest{query: taskrun.Query{Limit: maxLimit}}
	if limit, given := p.Given("limit"); given {
		a.query.Limit = limit.SmallInt()
	}
	if text := checkLimit(a.query.Limit); text != "" {
		return listRequest{validation: validation{detail: text}}
	}
	return a
}

// decodeCount reads the parameters of count, which are the filters alone.
func decodeCount(body pyjson.Value) listRequest {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return listRequest{validation: validation{faults: missing}}
	}
	return listRequest{query: taskrun.Query{Filter: readFilters(p)}, validation: validation{faults: faults.Errors()}}
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
