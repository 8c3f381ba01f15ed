package rest

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// decodeTaskWorkers reads of which tasks a client looks for workers; none: all.
func decodeTaskWorkers(body pyjson.Value) (taskKeys []string, why validation) {
	const key = "task_worker_filter"
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, key)
	if missing != nil {
		return nil, validation{faults: missing}
	}
	if n, given := p.Given(key); given {
		if m, ok := n.Model(); ok {
			if keys, given := m.Required("task_keys"); given {
				taskKeys = readShortList(keys, validate.Node.Text, maxLimitNames)
			}
		}
	}
	return taskKeys, validation{faults: faults.Errors()}
}
