package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeTaskWorkers reads the task keys of the workers that are requested. Without keys, all workers are.
func DecodeTaskWorkers(body pyjson.Value) (taskKeys []string, err error) {
	const key = "task_worker_filter"
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, key)
	if !ok {
		return nil, Invalid(&faults, body)
	}
	if n, given := p.Given(key); given {
		if m, ok := n.Model(); ok {
			if keys, given := m.Required("task_keys"); given {
				taskKeys = readShortList(keys, validate.Node.Text, maxLimitNames)
			}
		}
	}
	return taskKeys, Invalid(&faults, body)
}

// AppendTaskWorker writes a connected task worker.
func AppendTaskWorker(b []byte, worker taskrun.TaskWorker) []byte {
	o := pyjson.BeginObject(b).Text("identifier", worker.Identifier)
	o = AppendTexts(o.Member("task_keys"), worker.TaskKeys)
	return o.Time("timestamp", worker.Timestamp.UTC()).End()
}
