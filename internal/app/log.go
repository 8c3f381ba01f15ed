package app

import (
	"flag"
	"fmt"
	"io"
	"log/slog"

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

// LogOptions say what is logged, and how.
type LogOptions struct {
	Format string // text or json
	Level  slog.Level
}

// BindFlags lets flags set the options; what they hold now is the default.
func (o *LogOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Format, "log-format", o.Format, "how log lines are written: text or json")
	fs.TextVar(&o.Level, "log-level", o.Level, "the least level that is logged: debug, info, warn or error")
}

// Validate tells what is wrong, naming the flag.
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
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// useForLibraries makes the handler that of the process-wide loggers of the
// libraries. They cannot be set while they are in use.
func useForLibraries(handler slog.Handler) {
	ctrllog.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	tracing.UseForLibrary(slog.New(handler))
}
