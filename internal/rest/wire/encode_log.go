package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// AppendLog writes a line that a client logged.
func AppendLog(b []byte, line *logs.Line) []byte {
	return pyjson.BeginObject(b).
		Text("id", line.ID).
		Time("created", line.Created).
		Time("updated", line.Created).
		Text("name", line.Name).
		Int("level", int64(line.Level)).
		Text("message", line.Message).
		Time("timestamp", line.Timestamp).
		NonEmpty("flow_run_id", line.FlowRunID).
		NonEmpty("task_run_id", line.TaskRunID).
		End()
}
