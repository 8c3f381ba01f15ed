package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-logr/logr"
)

func TestLog_lines(t *testing.T) {
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

func TestLog_hasNoControlCharacters(t *testing.T) {
	t.Parallel()
	const hostile = "a\x1b[2J\x00\x7f\u009b31m\u202e\u2066\u2028\ufeff\U000e0041\r\nlevel=INFO\u0085z äöü\u00a0日本\x9b"
	for _, format := range []string{formatText, formatJSON} {
		var w bytes.Buffer
		slog.New((&LogOptions{Format: format}).handler(&w)).Info("request", "path", hostile, "error", errors.New(hostile), "list", []string{hostile})
		line := strings.TrimSuffix(w.String(), "\n")
		unsafe := func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }
		if at := strings.IndexFunc(line, unsafe); at >= 0 || !utf8.ValidString(line) {
			t.Errorf("%s: %q in %q", format, line[at:], line)
		}
		var read struct{ Path string }
		if format == formatJSON && (json.Unmarshal([]byte(line), &read) != nil || read.Path != strings.ToValidUTF8(hostile, "\ufffd")) {
			t.Errorf("JSON says %q, want %q", read.Path, hostile)
		}
	}
}

func (o *LogOptions) log(w *bytes.Buffer) {
	log := logr.FromSlogHandler(o.handler(w))
	log.V(1).Info("detail")
	log.Info("started", "replicas", 2)
}

func TestLog_debugShowsTheDetailsOfTheLibraries(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	(&LogOptions{Format: formatText, Level: slog.LevelDebug}).log(&w)
	if !strings.Contains(w.String(), "detail") {
		t.Errorf("log = %q, want the detail", w.String())
	}
}
