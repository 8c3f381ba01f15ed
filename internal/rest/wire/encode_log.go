package wire

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// AppendLog writes a line that a client logged.
func AppendLog(b []byte, line *logs.Line) []byte {
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, line.ID)
	b = append(b, `,"created":`...)
	b = appendTime(b, line.Created)
	b = append(b, `,"updated":`...)
	b = appendTime(b, line.Created)
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, line.Name)
	b = append(b, `,"level":`...)
	b = strconv.AppendInt(b, int64(line.Level), 10)
	b = append(b, `,"message":`...)
	b = pyjson.AppendText(b, line.Message)
	b = append(b, `,"timestamp":`...)
	b = appendTime(b, line.Timestamp)
	b = append(b, `,"flow_run_id":`...)
	b = appendUnlessEmpty(b, line.FlowRunID)
	b = append(b, `,"task_run_id":`...)
	b = appendUnlessEmpty(b, line.TaskRunID)
	return append(b, '}')
}
