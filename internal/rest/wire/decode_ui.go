package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textNoAfter = "task_runs.start_time.after_ is required"

// DecodeDashboard reads the parameters of dashboard/counts (contract §1.5).
func DecodeDashboard(body pyjson.Value) (f taskrun.Filter, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "task_runs", "flows", "flow_runs", "deployments", "work_pools", "work_queues")
	if !ok {
		return f, Invalid(&faults, body)
	}
	f = ReadRequired(p, &faults, "task_runs", readTaskRunFilter)
	flows := readParent(p, "flows", flowFilter)
	flowRuns := readParent(p, "flow_runs", flowRunFilter)
	f.Parents = parentsOf(flows, flowRuns, readParent(p, "deployments", deploymentFilter))
	for _, parent := range unknownParents {
		if n, given := p.Given(parent.key); given {
			parent.filter.check(n)
			f.Parents = &taskrun.ParentFilter{Unknown: true}
		}
	}
	if err := Invalid(&faults, body); err != nil {
		return f, err
	}
	if f.StartTime == nil || f.StartTime.After == nil {
		return f, unprocessable(textNoAfter)
	}
	return f, nil
}

// unknownParents are the filters on what no run tells anything of, in Prefect's
// order.
var unknownParents = []struct {
	key    string
	filter schema
}{
	{"work_pools", workPoolFilter},
	{"work_queues", workQueueFilter},
}

// DecodeFlowRunIDs reads the ids of the flow runs whose task runs are counted.
func DecodeFlowRunIDs(body pyjson.Value) (ids []string, err error) {
	const key = "flow_run_ids"
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, key)
	if !ok {
		return nil, Invalid(&faults, body)
	}
	ids = ReadRequired(p, &faults, key, func(n validate.Node) []string { return validate.List(n, validate.Node.UUID) })
	return ids, Invalid(&faults, body)
}
