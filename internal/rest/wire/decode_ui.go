package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textNoAfter = "task_runs.start_time.after_ is required"

// DecodeDashboard reads the parameters of dashboard/counts (contract §1.5).
func DecodeDashboard(body pyjson.Value) (f taskrun.Filter, why Validation) {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, "task_runs", "flows", "flow_runs", "deployments", "work_pools", "work_queues")
	if missing != nil {
		return f, Validation{faults: missing}
	}
	f = required(p, &faults, "task_runs", readTaskRunFilter)
	flows := readParent(p, "flows", flowFilter)
	flowRuns := readParent(p, "flow_runs", flowRunFilter)
	f.Parents = parentsOf(flows, flowRuns, readParent(p, "deployments", deploymentFilter))
	for _, parent := range unknownParents {
		if n, given := p.Given(parent.key); given {
			parent.filter.check(n)
			f.Parents = &taskrun.ParentFilter{Unknown: true}
		}
	}
	why.faults = faults.Errors()
	if why.faults == nil && (f.StartTime == nil || f.StartTime.After == nil) {
		why.detail = textNoAfter
	}
	return f, why
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
func DecodeFlowRunIDs(body pyjson.Value) (ids []string, why Validation) {
	const key = "flow_run_ids"
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, key)
	if missing != nil {
		return nil, Validation{faults: missing}
	}
	ids = required(p, &faults, key, func(n validate.Node) []string { return validate.List(n, validate.Node.UUID) })
	return ids, Validation{faults: faults.Errors()}
}
