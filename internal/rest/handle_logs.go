package rest

import (
	"context"
	"log/slog"
	"net/http"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// addLogs stores the lines that a client logged.
func (s *namespaceHandler) addLogs(r *request) (response, error) {
	lines, err := wire.DecodeLogs(r.body)
	if err != nil {
		return response{}, err
	}
	s.logs.Add(lines)
	for i := range lines {
		s.relay(r.ctx, &lines[i])
	}
	return jsonBody(http.StatusCreated, "null"), nil
}

const (
	// maxRelayed is the maximum length of a text of a client in the log of the operator, in bytes.
	maxRelayed = 4096
	// cutMark ends a text that was longer.
	cutMark = "…"
)

// relay writes a line of a client to the log of the operator, which is kept longer than the buffer. The level
// differs from the client's, because an error of a task is not an error of the operator.
func (s *namespaceHandler) relay(ctx context.Context, line *logs.Line) {
	level := levelOf(line.Level)
	if !s.log.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("line", truncateLine(line.Message)), slog.String("logger", truncateLine(line.Name)), slog.Int("pythonLevel", line.Level),
		slog.Time("loggedAt", line.Timestamp),
	}
	if caller := taskrun.Caller(ctx); caller != "" {
		attributes = append(attributes, slog.String("caller", caller), slog.String("namespace", s.namespace))
	}
	if line.TaskRunID != "" {
		attributes = append(attributes, slog.String("taskRunID", line.TaskRunID))
	}
	if line.FlowRunID != "" {
		attributes = append(attributes, slog.String("flowRunID", line.FlowRunID))
	}
	s.log.LogAttrs(ctx, level, "client log", attributes...)
}

// levelOf returns the level of a line of a client in the log of the operator: debug below Python's INFO, else info.
func levelOf(python int) slog.Level {
	const info = 20
	if python < info {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// truncateLine shortens a text to maxRelayed bytes, without half a character at its end.
func truncateLine(text string) string {
	if len(text) <= maxRelayed {
		return text
	}
	end := maxRelayed
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark
}

// filterLogs responds with the lines that clients logged, sorted and paged.
func (s *namespaceHandler) filterLogs(r *request) (response, error) {
	q, err := wire.DecodeLogFilter(r.body)
	if err != nil {
		return response{}, err
	}
	lines, err := s.logs.Query(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", lines, wire.TextSize, wire.AppendLog)
}
