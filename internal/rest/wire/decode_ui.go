package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textNoAfter = "task_runs.start_time.after_ is required"

// DecodeDashboard reads the parameters of dashboard/counts (contract §1.5). The parents
// are as those of DecodeFilter.
func DecodeDashboard(body pyjson.Value) (f taskrun.Filter, parents flowrun.Filters, err error) {
	keys := []string{"flows", "flow_runs", "deployments", "work_pools", "work_queues"}
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, append([]string{"task_runs"}, keys...)...)
	if !ok {
		return f, parents, Invalid(&faults, body)
	}
	f = ReadRequired(p, &faults, "task_runs", readTaskRunFilter)
	parents = ReadFilters(p, keys...)
	if err := Invalid(&faults, body); err != nil {
		return f, parents, err
	}
	if f.StartTime == nil || f.StartTime.After == nil {
		return f, parents, unprocessable(textNoAfter)
	}
	return f, parents, nil
}

// DecodePaging checks the limit and the offset of a list.
func DecodePaging(body pyjson.Value) error {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body)
	if !ok {
		return Invalid(&faults, body)
	}
	if _, err := ReadLimit(p); err != nil {
		return err
	}
	if n, given := p.Given("offset"); given {
		n.Natural()
	}
	return Invalid(&faults, body)
}

// DecodePage reads the limit of a list and the number of a page of it.
func DecodePage(body pyjson.Value) (limit, page int, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body)
	if !ok {
		return 0, 0, Invalid(&faults, body)
	}
	if limit, err = ReadLimit(p); err != nil {
		return 0, 0, err
	}
	page = 1
	if n, given := p.Given("page"); given {
		page, _ = ReadPage(n, limit)
	}
	return limit, page, Invalid(&faults, body)
}

// DecodeFlowRunIDs reads the ids of the flow runs whose task runs are counted.
func DecodeFlowRunIDs(body pyjson.Value) (ids []string, err error) {
	return decodeIDs(body, "flow_run_ids")
}

// DecodeFlowIDs reads the ids of the flows that a page of the Prefect UI shows.
func DecodeFlowIDs(body pyjson.Value) (ids []string, err error) { return decodeIDs(body, "flow_ids") }

func decodeIDs(body pyjson.Value, key string) (ids []string, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, key)
	if !ok {
		return nil, Invalid(&faults, body)
	}
	ids = ReadRequired(p, &faults, key, func(n validate.Node) []string { return validate.List(n, validate.Node.UUID) })
	return ids, Invalid(&faults, body)
}
