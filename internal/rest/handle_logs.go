package rest

import (
	"net/http"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// addLogs keeps what a client logged.
func (s *Server) addLogs(r *request) (response, error) {
	lines, faults := decodeLogs(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	s.logs.Add(lines)
	return jsonBody(http.StatusCreated, "null"), nil
}

// filterLogs answers with what clients logged, sorted and paged.
func (s *Server) filterLogs(r *request) (response, error) {
	q, why := decodeLogFilter(r.body)
	if err := why.fault(r); err != nil {
		return response{}, err
	}
	lines := s.logs.Query(q)
	b := append(make([]byte, 0, roomForText*(1+len(lines))), '[')
	for i, line := range lines {
		b = appendComma(b, i)
		b = appendLog(b, line)
	}
	return response{status: http.StatusOK, body: append(b, ']')}, nil
}

func appendLog(b []byte, line *taskrun.Log) []byte {
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
