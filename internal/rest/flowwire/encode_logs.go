package flowwire

import (
	"strconv"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/logs"
)

// LogsHeader is the first row of a file of log lines (flows contract §2.5).
const LogsHeader = "timestamp,level,flow_run_id,task_run_id,message" + rowEnd

const rowEnd = "\r\n"

// AppendLogRow writes a log line as a row of comma-separated values.
func AppendLogRow(b []byte, line *logs.Line) []byte {
	b = appendISO(b, line.Timestamp)
	b = strconv.AppendInt(append(b, ','), int64(line.Level), 10)
	b = append(append(b, ','), line.FlowRunID...)
	b = append(append(b, ','), line.TaskRunID...)
	b = appendField(append(b, ','), line.Message)
	return append(b, rowEnd...)
}

// appendISO writes a time as Python's str does.
func appendISO(b []byte, t time.Time) []byte {
	t = t.UTC().Truncate(time.Microsecond)
	layout := "2006-01-02 15:04:05+00:00"
	if t.Nanosecond() != 0 {
		layout = "2006-01-02 15:04:05.000000+00:00"
	}
	return t.AppendFormat(b, layout)
}

// appendField writes a field as Python's csv does. encoding/csv changes the ends of lines in fields.
func appendField(b []byte, text string) []byte {
	if !strings.ContainsAny(text, ",\"\r\n") {
		return append(b, text...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(text, `"`, `""`)...)
	return append(b, '"')
}
