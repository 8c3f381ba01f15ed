package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// flowSorts are the sorts of flows, in Prefect's order.
var flowSorts = []flowrun.FlowSort{
	flowrun.FlowSortCreatedDesc, flowrun.FlowSortUpdatedDesc, flowrun.FlowSortNameAsc, flowrun.FlowSortNameDesc,
}

// DecodeFlowFilter reads the parameters of /flows/filter (flows contract §2.1).
func DecodeFlowFilter(body pyjson.Value) (flowrun.FlowQuery, error) {
	return decodeFlowQuery(body, "offset", func(n validate.Node, q *flowrun.FlowQuery) { q.Offset = n.Natural() })
}

// DecodeFlowPaginate reads the parameters of /flows/paginate: those of filter, with a page,
// counted from 1, in place of the offset.
func DecodeFlowPaginate(body pyjson.Value) (q flowrun.FlowQuery, page int, err error) {
	page = 1
	q, err = decodeFlowQuery(body, "page", func(n validate.Node, q *flowrun.FlowQuery) {
		page, q.Offset = wire.ReadPage(n, q.Limit)
	})
	q.Counted = true
	return q, page, err
}

// decodeFlowQuery reads a limit, filters and a sort, and with place the parameter that
// tells where to begin. Other than for runs, the sort is the last one.
func decodeFlowQuery(
	body pyjson.Value, placeKey string, place func(validate.Node, *flowrun.FlowQuery),
) (q flowrun.FlowQuery, err error) {
	var faults validate.Faults
	keys := append([]string{"limit", placeKey}, flowFilterKeys...)
	p, ok := wire.ReadParameters(&faults, body, append(keys, "sort")...)
	if !ok {
		return q, wire.Invalid(&faults, body)
	}
	if q.Limit, err = wire.ReadLimit(p); err != nil {
		return q, err
	}
	if n, given := p.Given(placeKey); given {
		place(n, &q)
	}
	q.Filters = wire.ReadFilters(p, flowFilterKeys...)
	q.Sort = flowrun.FlowSortNameAsc
	if n, given := p.Given("sort"); given {
		q.Sort = validate.Enum(n, flowSorts...)
	}
	return q, wire.Invalid(&faults, body)
}

// DecodeFlowCount reads the parameters of /flows/count, which are the filters alone.
func DecodeFlowCount(body pyjson.Value) (flowrun.Filters, error) {
	return decodeFilters(body, flowFilterKeys)
}
