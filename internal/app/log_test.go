package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

func TestLogLines(t *testing.T) {
	t.Parallel()
	var text, structured bytes.Buffer
	(&LogOptions{Format: formatText, Level: slog.LevelInfo}).log(&text)
	(&LogOptions{Format: formatJSON, Level: slog.LevelInfo}).log(&structured)
	if got := text.String(); !strings.Contains(got, "level=INFO msg=started replicas=2\n") || strings.Contains(got, "detail") {
		t.Errorf("text log = %q, want one INFO line and no detail", got)
	}
	var line struct {
		Msg      string
		Replicas int
	}
	if err := json.Unmarshal(structured.Bytes(), &line); err != nil || line.Msg != "started" || line.Replicas != 2 {
		t.Errorf("JSON log = %q, error %v", structured.String(), err)
	}
}

func (o *LogOptions) log(w *bytes.Buffer) {
	log := logr.FromSlogHandler(o.handler(w))
	log.V(1).Info("detail")
	log.Info("started", "replicas", 2)
}

func TestDebugShowsTheDetailsOfTheLibraries(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	(&LogOptions{Format: formatText, Level: slog.LevelDebug}).log(&w)
	if !strings.Contains(w.String(), "detail") {
		t.Errorf("log = %q, want the detail", w.String())
	}
}
