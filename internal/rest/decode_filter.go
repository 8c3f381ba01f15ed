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

// asked is what a body of filters asks for, or why it is not answered.
type asked struct {
	query  taskrun.Query // without Now
	faults []validate.Error
	detail string // in place of faults, what a handler says against it
}

// fault is the error to answer with, nil if there is a query.
func (a asked) fault(r *request) error {
	switch {
	case a.detail != "":
		return detail(http.StatusUnprocessableEntity, a.detail)
	case len(a.faults) > 0:
		return &invalidError{items: a.faults, body: r.body}
	default:
		return nil
	}
}

// sorts are all of them, in Prefect's order.
var sorts = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationDesc, taskrun.SortDurationAsc,
}

// decodeFilter reads the parameters of filter (contract §2.7).
func decodeFilter(body pyjson.Value) asked {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "limit", "sort", "offset", "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return asked{faults: missing}
	}
	a := readLimit(p)
	if a.detail != "" {
		return a
	}
	a.query.Sort = taskrun.SortIDDesc
	if sort, given := p.Given("sort"); given {
		a.query.Sort = validate.Enum(sort, sorts...)
	}
	if offset, given := p.Given("offset"); given {
		a.query.Offset = offset.Natural()
	}
	return a.filteredBy(p, &faults)
}

// readLimit reads how many are asked for. Prefect judges that before it looks at
// anything else.
func readLimit(p *validate.Model) asked {
	a := asked{query: taskrun.Query{Limit: maxLimit}}
	if limit, given := p.Given("limit"); given {
		a.query.Limit = limit.SmallInt()
	}
	switch {
	case a.query.Limit < 0:
		return asked{detail: textLimitBelow}
	case a.query.Limit > maxLimit:
		return asked{detail: textLimitAbove}
	}
	return a
}

// decodeCount reads the parameters of count, which are the filters alone.
func decodeCount(body pyjson.Value) asked {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return asked{faults: missing}
	}
	return asked{}.filteredBy(p, &faults)
}

// filteredBy reads the four filters.
func (a asked) filteredBy(p *validate.Model, faults *validate.Faults) asked {
	unserved := readParentFilter(p, "flows", flowFilter)
	unserved = append(unserved, readParentFilter(p, "flow_runs", flowRunFilter)...)
	if n, given := p.Given("task_runs"); given {
		filter, more := readTaskRunFilter(n)
		a.query.Filter = filter
		unserved = append(unserved, more...)
	}
	unserved = append(unserved, readParentFilter(p, "deployments", deploymentFilter)...)
	a.faults = faults.Errors()
	if len(a.faults) == 0 && len(unserved) > 0 {
		a.detail = "The filter " + unserved[0] + " is not served yet."
	}
	return a
}
