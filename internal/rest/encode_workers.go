package rest

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func appendTaskWorker(b []byte, worker taskrun.TaskWorker) []byte {
	b = append(b, `{"identifier":`...)
	b = pyjson.AppendText(b, worker.Identifier)
	b = append(b, `,"task_keys":`...)
	b = appendTexts(b, worker.TaskKeys)
	b = append(b, `,"timestamp":`...)
	b = appendTime(b, worker.Timestamp.UTC())
	return append(b, '}')
}
