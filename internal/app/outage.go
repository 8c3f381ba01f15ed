package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// outageQuietPeriod is the time without a failed call after which an outage has ended.
// In a partial outage, some calls succeed.
const outageQuietPeriod = 5 * time.Second

// outages detects from all calls that the API server cannot be reached. An outage is
// logged at its start and at its end. In between, errors of failed calls, which the
// program and its libraries retry up to several times a second, are logged at debug
// level.
type outages struct {
	clock   clock.PassiveClock
	log     *slog.Logger
	onStart func() // counts the outage; nil before the metrics exist

	mu          sync.Mutex
	since       time.Time // start of the outage; zero: none
	lastFailure time.Time // time of the latest failed call
}

func newOutages(lines slog.Handler) *outages {
	return &outages{clock: clock.RealClock{}, log: slog.New(lines), onStart: func() {}}
}

// Transport returns a RoundTripper that records the results of calls.
func (o *outages) Transport(next http.RoundTripper) http.RoundTripper {
	return &outageTransport{outages: o, next: next}
}

type outageTransport struct {
	outages *outages
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *outageTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	switch {
	case errors.Is(err, context.Canceled): // canceled by the program
	case err != nil:
		t.outages.record(r.Context(), err)
	case isUnavailable(response.StatusCode):
		t.outages.record(r.Context(), errors.New("it, or a proxy before it, returned "+response.Status))
	default:
		t.outages.record(r.Context(), nil)
	}
	return response, err
}

// WrappedRoundTripper returns the inner transport. client-go closes idle connections
// through it.
func (t *outageTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// isUnavailable reports whether a status means that the API server was not reached, or
// that it cannot reach its storage.
func isUnavailable(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// record records the result of a call. err is nil if there was a response.
func (o *outages) record(ctx context.Context, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	switch {
	case err != nil && o.since.IsZero():
		o.since, o.lastFailure = now, now
		o.onStart()
		o.log.LogAttrs(ctx, slog.LevelError, "the Kubernetes API server cannot be reached; calls are tried again until it responds", slog.Any("error", err))
	case err != nil:
		o.lastFailure = now
	case !o.since.IsZero() && now.Sub(o.lastFailure) >= outageQuietPeriod:
		o.log.LogAttrs(ctx, slog.LevelInfo, "the Kubernetes API server responds again", slog.Duration("duration", now.Sub(o.since)))
		o.since = time.Time{}
	}
}

func (o *outages) ongoing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.since.IsZero()
}

// Handler returns a handler that logs redundant lines of an outage at debug level. It
// formats the attributes of a logger with the logger's first line: controllers create
// a logger for each reconciliation, and most log nothing.
func (o *outages) Handler(next slog.Handler) slog.Handler {
	return &outageHandler{enabled: next.Enabled, formatted: func() slog.Handler { return next }, outages: o}
}

type outageHandler struct {
	enabled   func(context.Context, slog.Level) bool // attributes and groups do not change it
	formatted func() slog.Handler                    // with the attributes of the logger
	outages   *outages
}

// Enabled implements slog.Handler.
func (h *outageHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *outageHandler) Handle(ctx context.Context, line slog.Record) error {
	if line.Level >= slog.LevelWarn && h.isRedundant(line) {
		if !h.Enabled(ctx, slog.LevelDebug) {
			return nil
		}
		line.Level = slog.LevelDebug
	}
	return h.formatted().Handle(ctx, line)
}

// isRedundant reports whether a line has no more information than that a call failed
// during an outage.
func (h *outageHandler) isRedundant(line slog.Record) bool {
	repeats := false
	line.Attrs(func(attribute slog.Attr) bool {
		if attribute.Key != "err" && attribute.Key != "error" {
			return true
		}
		value := attribute.Value.Resolve()
		err, isError := value.Any().(error)
		if !isError {
			err = errors.New(value.String())
		}
		repeats = isConnectionError(err) && h.outages.ongoing()
		return false
	})
	return repeats
}

// isConnectionError reports whether an error means that a call did not reach the API
// server.
func isConnectionError(err error) bool {
	var transport *url.Error
	var network net.Error
	if errors.As(err, &transport) || errors.As(err, &network) || errors.Is(err, taskrun.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) {
		return true
	}
	text := err.Error()
	for _, sign := range []string{
		"connection refused", "connection reset", "connection lost", "unexpected EOF", "i/o timeout", "context deadline exceeded", "no route to host",
	} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// WithAttrs implements slog.Handler.
func (h *outageHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return h.with(func() slog.Handler { return h.formatted().WithAttrs(attributes) })
}

// WithGroup implements slog.Handler.
func (h *outageHandler) WithGroup(name string) slog.Handler {
	return h.with(func() slog.Handler { return h.formatted().WithGroup(name) })
}

func (h *outageHandler) with(formatted func() slog.Handler) slog.Handler {
	return &outageHandler{enabled: h.enabled, formatted: sync.OnceValue(formatted), outages: h.outages}
}
