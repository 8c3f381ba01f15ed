package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxBulk is the number of flows or runs that a request changes, by default and at most.
const maxBulk = 50

// DecodeRunBulkDelete reads the parameters of /flow_runs/bulk_delete (flows contract §2.2).
// The query selects the runs by descending ids.
func DecodeRunBulkDelete(body pyjson.Value) (q flowrun.Query, err error) {
	q.Sort = flowrun.SortIDDesc
	q.Filters, q.Limit, err = decodeBulkDelete(body, "flow_runs")
	return q, err
}

// DecodeFlowBulkDelete reads the parameters of /flows/bulk_delete (flows contract §2.1).
// The query selects the flows by name.
func DecodeFlowBulkDelete(body pyjson.Value) (q flowrun.FlowQuery, err error) {
	q.Sort = flowrun.FlowSortNameAsc
	q.Filters, q.Limit, err = decodeBulkDelete(body, "flows")
	return q, err
}

// decodeBulkDelete reads the filter under the key, and a limit.
func decodeBulkDelete(body pyjson.Value, key string) (f flowrun.Filters, limit int, err error) {
	var faults validate.Faults
	p, ok := wire.ReadParameters(&faults, body, key, "limit")
	if ok {
		f, limit = wire.ReadFilters(p, key), readBulkLimit(p)
	}
	return f, limit, wire.Invalid(&faults, body)
}

func readBulkLimit(p *validate.Model) int {
	n, given := p.Given("limit")
	if !given {
		return maxBulk
	}
	return n.Within(1, maxBulk)
}

// DecodeBulkSetState reads the parameters of /flow_runs/bulk_set_state (flows contract
// §2.2). The query selects the runs by descending ids.
func DecodeBulkSetState(body pyjson.Value) (q flowrun.Query, proposal taskrun.Proposal, err error) {
	var faults validate.Faults
	p, ok := wire.ReadParameters(&faults, body, "flow_runs", "state", "force", "limit")
	if !ok {
		return q, proposal, wire.Invalid(&faults, body)
	}
	q.Sort = flowrun.SortIDDesc
	q.Filters = wire.ReadFilters(p, "flow_runs")
	proposal = wire.ReadRequired(p, &faults, "state", wire.ReadState)
	if n, given := p.Given("force"); given {
		proposal.Force = n.Bool()
	}
	q.Limit = readBulkLimit(p)
	return q, proposal, wire.Invalid(&faults, body)
}

// maxPoints is the number of runs in the history of the web page, by default and at most.
const maxPoints = 1000

// DecodePointHistory reads the parameters of /ui/flow_runs/history (flows contract §2.6).
func DecodePointHistory(body pyjson.Value) (q flowrun.Query, err error) {
	var faults validate.Faults
	p, ok := wire.ReadParameters(&faults, body, append([]string{"sort", "limit", "offset"}, flowFilterKeys...)...)
	if !ok {
		return q, wire.Invalid(&faults, body)
	}
	q.Sort, q.Limit = flowrun.SortExpectedStartTimeDesc, maxPoints
	if n, given := p.Given("sort"); given {
		q.Sort = validate.Enum(n, runSorts...)
	}
	if n, given := p.Given("limit"); given {
		if q.Limit = n.AtMost(maxPoints); q.Limit < 0 {
			q.Limit = maxPoints // no limit, in Prefect on SQLite
		}
	}
	if n, given := p.Given("offset"); given {
		q.Offset = n.Natural()
	}
	q.Filters = wire.ReadFilters(p, flowFilterKeys...)
	return q, wire.Invalid(&faults, body)
}
