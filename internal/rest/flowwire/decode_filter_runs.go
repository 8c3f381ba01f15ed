package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// runSorts are the sorts of runs, in Prefect's order.
var runSorts = []flowrun.Sort{
	flowrun.SortIDDesc, flowrun.SortStartTimeAsc, flowrun.SortStartTimeDesc,
	flowrun.SortExpectedStartTimeAsc, flowrun.SortExpectedStartTimeDesc, flowrun.SortNameAsc, flowrun.SortNameDesc,
	flowrun.SortNextScheduledStartTimeAsc, flowrun.SortEndTimeDesc,
}

// The keys of the filters, in Prefect's order. History has another name for the last one.
var (
	flowFilterKeys    = []string{"flows", "flow_runs", "task_runs", "deployments", "work_pools"}
	runFilterKeys     = append(flowFilterKeys[:5:5], "work_pool_queues")
	historyFilterKeys = append(flowFilterKeys[:5:5], "work_queues")
)

// DecodeRunFilter reads the parameters of /flow_runs/filter (flows contract §2.2).
func DecodeRunFilter(body pyjson.Value) (flowrun.Query, error) {
	return decodeRunQuery(body, "offset", func(n validate.Node, q *flowrun.Query) { q.Offset = n.Natural() })
}

// DecodeRunPaginate reads the parameters of /flow_runs/paginate: those of filter, with a
// page, counted from 1, in place of the offset.
func DecodeRunPaginate(body pyjson.Value) (q flowrun.Query, page int, err error) {
	page = 1
	q, err = decodeRunQuery(body, "page", func(n validate.Node, q *flowrun.Query) {
		page, q.Offset = wire.ReadPage(n, q.Limit)
	})
	q.Counted = true
	return q, page, err
}

// decodeRunQuery reads filters, a sort and a limit, and with place the parameter that
// tells where to begin.
func decodeRunQuery(body pyjson.Value, placeKey string, place func(validate.Node, *flowrun.Query)) (q flowrun.Query, err error) {
	var faults validate.Faults
	p, ok := wire.ReadParameters(&faults, body, append([]string{"limit", "sort", placeKey}, runFilterKeys...)...)
	if !ok {
		return q, wire.Invalid(&faults, body)
	}
	if q.Limit, err = wire.ReadLimit(p); err != nil {
		return q, err
	}
	q.Sort = flowrun.SortIDDesc
	if n, given := p.Given("sort"); given {
		q.Sort = validate.Enum(n, runSorts...)
	}
	if n, given := p.Given(placeKey); given {
		place(n, &q)
	}
	q.Filters = wire.ReadFilters(p, runFilterKeys...)
	return q, wire.Invalid(&faults, body)
}

// DecodeRunCount reads the parameters of /flow_runs/count and /flow_runs/lateness, which
// are the filters alone.
func DecodeRunCount(body pyjson.Value) (flowrun.Filters, error) {
	return decodeFilters(body, runFilterKeys)
}

func decodeFilters(body pyjson.Value, keys []string) (f flowrun.Filters, err error) {
	var faults validate.Faults
	p, ok := wire.ReadParameters(&faults, body, keys...)
	if ok {
		f = wire.ReadFilters(p, keys...)
	}
	return f, wire.Invalid(&faults, body)
}

// DecodeRunHistory reads the parameters of /flow_runs/history (contract §2.11).
func DecodeRunHistory(body pyjson.Value) (q flowrun.HistoryQuery, err error) {
	q.Window, err = wire.ReadHistory(body, historyFilterKeys, func(p *validate.Model) {
		q.Filters = wire.ReadFilters(p, historyFilterKeys...)
	})
	return q, err
}
