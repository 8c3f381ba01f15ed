package rest

import (
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Workers has the connected task workers.
type Workers interface {
	TaskWorkers() []taskrun.TaskWorker
}

// noWorkers is used when no worker can connect.
type noWorkers struct{}

func (noWorkers) TaskWorkers() []taskrun.TaskWorker { return nil }

// filterTaskWorkers responds with the connected task workers.
func (s *namespaceHandler) filterTaskWorkers(r *request) (response, error) {
	taskKeys, err := wire.DecodeTaskWorkers(r.body)
	if err != nil {
		return response{}, err
	}
	wanted := taskrun.SetOf(taskKeys)
	workers := slices.DeleteFunc(slices.Clone(s.Workers.TaskWorkers()), func(w taskrun.TaskWorker) bool {
		return len(taskKeys) > 0 && !slices.ContainsFunc(w.TaskKeys, func(key string) bool { return wanted[key] })
	})
	return respondList(r, "[", "]", workers, wire.TextSize, wire.AppendTaskWorker)
}
