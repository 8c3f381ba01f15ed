package app

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/taskrun-dev/taskrun-operator/internal/tracing"
)

// The log formats.
const (
	formatText = "text"
	formatJSON = "json"
)

// LogOptions configure the log.
type LogOptions struct {
	Format string // text or json
	Level  slog.Level
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *LogOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Format, "log-format", o.Format, "format of log lines: text or json")
	fs.TextVar(&o.Level, "log-level", o.Level, "minimum level of log lines: debug, info, warn or error")
}

// Validate returns all invalid options, with the names of their flags.
func (o *LogOptions) Validate() error {
	if o.Format != formatText && o.Format != formatJSON {
		return fmt.Errorf("--log-format must be %s or %s, not %q", formatText, formatJSON, o.Format)
	}
	return nil
}

// handler writes log lines to w.
func (o *LogOptions) handler(w io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: o.Level}
	if o.Format == formatJSON {
		return slog.NewJSONHandler(printableJSON{w}, options)
	}
	return slog.NewTextHandler(w, options)
}

// printableJSON escapes characters that JSON allows but terminals interpret: DEL, the
// control characters U+0080 to U+009F, and characters that change the direction of text
// or are invisible. In JSON they occur only in strings. The text format quotes them
// itself.
type printableJSON struct{ to io.Writer }

// Write writes whole lines, as a handler does.
func (p printableJSON) Write(lines []byte) (int, error) {
	if bytes.IndexFunc(lines, escapedInLogs) < 0 {
		return p.to.Write(lines)
	}
	escaped := make([]byte, 0, 2*len(lines))
	for _, r := range string(lines) {
		switch {
		case !escapedInLogs(r):
			escaped = utf8.AppendRune(escaped, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
	}
	if _, err := p.to.Write(escaped); err != nil {
		return 0, err
	}
	return len(lines), nil
}

func escapedInLogs(r rune) bool {
	return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r)
}

// useForLibraries sets the process-wide loggers of the libraries, which must not be in
// use yet.
func useForLibraries(handler slog.Handler) {
	ctrllog.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	tracing.UseForLibrary(slog.New(handler))
}
