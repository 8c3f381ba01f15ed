package rest

import (
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Workers know which task workers are there now.
type Workers interface {
	TaskWorkers() []taskrun.TaskWorker
}

// there are none when no worker can connect.
type nobody struct{}

func (nobody) TaskWorkers() []taskrun.TaskWorker { return nil }

// decodeTaskWorkers reads of which tasks a client looks for workers; none: all.
func decodeTaskWorkers(body pyjson.Value) (taskKeys []string, why refusal) {
	const key = "task_worker_filter"
	var faults validate.Faults
	p, missing := parametersOf(&faults, body, key)
	if missing != nil {
		return nil, refusal{faults: missing}
	}
	if n, given := p.Given(key); given {
		if m, ok := n.Model(); ok {
			if keys, given := m.Required("task_keys"); given {
				taskKeys = readShortList(keys, validate.Node.Text, maxLimitNames)
			}
		}
	}
	return taskKeys, refusal{faults: faults.Errors()}
}

// filterTaskWorkers answers with the task workers that are there.
func (s *space) filterTaskWorkers(r *request) (response, error) {
	taskKeys, why := decodeTaskWorkers(r.body)
	if err := why.fault(r); err != nil {
		return response{}, err
	}
	wanted := taskrun.SetOf(taskKeys)
	workers := slices.DeleteFunc(slices.Clone(s.Workers.TaskWorkers()), func(w taskrun.TaskWorker) bool {
		return len(taskKeys) > 0 && !slices.ContainsFunc(w.TaskKeys, func(key string) bool { return wanted[key] })
	})
	return respondList(r, "[", "]", workers, roomForText, appendTaskWorker)
}

func appendTaskWorker(b []byte, worker taskrun.TaskWorker) []byte {
	b = append(b, `{"identifier":`...)
	b = pyjson.AppendText(b, worker.Identifier)
	b = append(b, `,"task_keys":`...)
	b = appendTexts(b, worker.TaskKeys)
	b = append(b, `,"timestamp":`...)
	b = appendTime(b, worker.Timestamp.UTC())
	return append(b, '}')
}
