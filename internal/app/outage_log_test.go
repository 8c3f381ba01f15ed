package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// apiServer responds as the test instructs.
type apiServer struct {
	status int
	err    error
}

func (s *apiServer) RoundTrip(*http.Request) (*http.Response, error) {
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{StatusCode: s.status, Status: http.StatusText(s.status), Body: io.NopCloser(strings.NewReader(""))}, nil
}

// outageLog is a log, and a client of an API server whose outages are logged in
// it.
type outageLog struct {
	lines   bytes.Buffer
	clock   *testingclock.FakeClock
	server  apiServer
	counted int
	outages *outages
	log     *slog.Logger
}

func newOutageLog(level slog.Level) *outageLog {
	l := &outageLog{clock: testingclock.NewFakeClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)), server: apiServer{status: http.StatusOK}}
	lines := (&LogOptions{Format: formatText, Level: level}).handler(&l.lines)
	l.outages = newOutages(lines)
	l.outages.clock = l.clock
	l.outages.onStart = func() { l.counted++ }
	l.log = slog.New(l.outages.Handler(lines)).With("part", "any")
	return l
}

// call makes a call and logs a failure as the libraries do.
func (l *outageLog) call(t *testing.T, err error) {
	t.Helper()
	response, failure := l.outages.Transport(&l.server).RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if failure == nil {
		_ = response.Body.Close()
	}
	if err != nil {
		logr.FromSlogHandler(l.log.Handler()).Error(err, "Error retrieving lease lock")
		l.log.Warn("watching failed", "error", err.Error())
	}
}

func refused() error {
	return &url.Error{Op: "Get", URL: "https://127.0.0.1:1", Err: fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)}
}

func TestOutage_isLoggedInTwoLinesAndCounted(t *testing.T) {
	t.Parallel()
	tests := map[string]apiServer{
		"no connection":       {err: refused()},
		"no response":         {err: context.DeadlineExceeded},
		"a 502 of a proxy":    {status: http.StatusBadGateway},
		"a 503 of the server": {status: http.StatusServiceUnavailable},
		"a 504 of a gateway":  {status: http.StatusGatewayTimeout},
	}
	for name, server := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newOutageLog(slog.LevelInfo)
			l.call(t, nil)
			for i := range 150 { // for a minute
				l.server = server
				if i%10 == 9 { // some calls succeed
					l.server = apiServer{status: http.StatusOK}
				}
				l.call(t, refused())
				l.clock.Step(400 * time.Millisecond)
			}
			l.server = apiServer{status: http.StatusOK}
			for range 150 {
				l.clock.Step(400 * time.Millisecond)
				l.call(t, nil)
			}
			got := strings.Split(strings.TrimSpace(l.lines.String()), "\n")
			if len(got) != 2 || !strings.Contains(got[0], "cannot be reached") || !strings.Contains(got[1], "responds again") || l.counted != 1 {
				t.Errorf("%d outages counted, %d lines:\n%s", l.counted, len(got), &l.lines)
			}
			l.server = server
			l.call(t, refused())
			if l.counted != 2 {
				t.Errorf("%d outages counted, want 2", l.counted)
			}
		})
	}
}

func TestOutage_linesThatAreNotHidden(t *testing.T) {
	t.Parallel()
	forbidden := errors.New("taskruns is forbidden")
	tests := map[string]struct {
		server apiServer
		level  slog.Level
		err    error
		want   int // lines after the first one of an outage
	}{
		"a failure of another kind":        {server: apiServer{err: refused()}, err: forbidden, want: 2},
		"a failed call without an outage":  {server: apiServer{status: http.StatusOK}, err: refused(), want: 2},
		"a call that the program canceled": {server: apiServer{err: context.Canceled}, err: refused(), want: 2},
		"another error of the API server":  {server: apiServer{status: http.StatusInternalServerError}, err: refused(), want: 2},
		"failures at debug level":          {server: apiServer{err: refused()}, level: slog.LevelDebug, err: taskrun.ErrUnavailable, want: 2},
		"a failure of the store":           {server: apiServer{err: refused()}, err: fmt.Errorf("reading: %w", refused()), want: 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newOutageLog(tt.level)
			l.server = tt.server
			l.call(t, tt.err)
			got := strings.Count(l.lines.String(), "\n")
			if strings.Contains(l.lines.String(), "cannot be reached") {
				got--
			}
			if got != tt.want {
				t.Errorf("%d lines, want %d:\n%s", got, tt.want, &l.lines)
			}
		})
	}
}

// countedText counts how often it is formatted.
type countedText struct{ times *int }

func (c countedText) String() string { *c.times++; return "a text" }

func TestLogger_formatsItsAttributesWithItsFirstLine(t *testing.T) {
	t.Parallel()
	l, times := newOutageLog(slog.LevelInfo), 0
	log := logr.FromSlogHandler(l.log.Handler()).WithValues("object", countedText{&times}).WithName("c").WithValues("reconcileID", "7")
	log.V(5).Info("Reconciling")
	if times != 0 || l.lines.Len() != 0 {
		t.Errorf("without a line, the attribute was formatted %d times; lines %q", times, &l.lines)
	}
	log.Info("first")
	log.Info("second")
	if times != 1 {
		t.Errorf("with two lines, the attribute was formatted %d times, want once", times)
	}
	want := ` part=any object="a text" reconcileID=7`
	for line := range strings.Lines(l.lines.String()) {
		if !strings.Contains(line, want) {
			t.Errorf("got the line %q, want %q in it", line, want)
		}
	}
}

func TestLogger_groupNamesTheFollowingAttributes(t *testing.T) {
	t.Parallel()
	l := newOutageLog(slog.LevelInfo)
	l.log.With("a", 1).WithGroup("g").With("b", 2).Info("line", "c", 3)
	if want := "part=any a=1 g.b=2 g.c=3\n"; !strings.HasSuffix(l.lines.String(), want) {
		t.Errorf("got %q, want it to end with %q", &l.lines, want)
	}
}
