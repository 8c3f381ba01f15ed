package rest

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

func TestLogRequest_longPathIsTruncated(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	path := "/api/" + strings.Repeat("ä", 30_000)
	f.send(t, http.MethodGet, "http://example.test"+path, "")
	f.send(t, strings.Repeat("M", 60_000), "http://example.test/api/hello", "")
	log := f.log.String()
	if len(log) > 2000 || !strings.Contains(log, path[:maxLoggedText-1]+"…") || !strings.Contains(log, "MMM…") {
		t.Errorf("logged %d bytes: %.600s", len(log), log)
	}
}

func TestLogRequest_levelDependsOnTheOutcome(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		method, path, body string
		wantLevel          string
	}{
		"a run is created":       {http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"0"}`, "DEBUG"},
		"a list is read":         {http.MethodPost, "/task_runs/filter", "", "DEBUG"},
		"a run does not exist":   {http.MethodGet, "/task_runs/" + idUnknown, "", "INFO"},
		"a body is invalid":      {http.MethodPost, "/task_runs/", "{}", "INFO"},
		"a route does not exist": {http.MethodPost, "/nowhere/", "", "INFO"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lockedBuffer{}
			f := newFixture(t, debugLog(log))
			f.send(t, tc.method, "http://example.test/api"+tc.path, tc.body)
			if got := log.String(); !strings.Contains(got, "level="+tc.wantLevel+" msg=request ") {
				t.Errorf("logged %q, want level %s", got, tc.wantLevel)
			}
		})
	}
}

func TestLogRequest_slowRequestsAreLoggedAtInfo(t *testing.T) {
	t.Parallel()
	v := &requestInfo{route: &route{}}
	for took, want := range map[time.Duration]slog.Level{
		0: slog.LevelDebug, slowRequest - 1: slog.LevelDebug, slowRequest: slog.LevelInfo,
	} {
		if got := (&requestOutcome{resp: response{status: http.StatusOK}, took: took}).level(v); got != want {
			t.Errorf("after %s: %s, want %s", took, got, want)
		}
	}
}

func TestTruncateForLog_keepsWholeCharacters(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxLoggedText-1)
	for text, want := range map[string]string{
		"":          "",
		long + "b":  long + "b",
		long + "bc": long + "b…",
		long + "ä":  long + "…",
	} {
		if got := truncateForLog(text); got != want {
			t.Errorf("truncateForLog(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRejectionSampler_limitsLoggedRequests(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		changes []change
		url     string
	}{
		"without a token":  {[]change{withReviewer(&fakeReviewer{})}, "http://example.test/api/task_runs/filter"},
		"for another host": {nil, "http://elsewhere.test/api/health"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lockedBuffer{}
			f := newFixture(t, append(tc.changes, debugLog(log))...)
			count := func() int { return strings.Count(log.String(), "msg=request") }
			for range 500 {
				f.send(t, http.MethodPost, tc.url, "")
			}
			if got := count(); got != maxLoggedRejections {
				t.Errorf("%d lines of 500 rejected requests, want %d", got, maxLoggedRejections)
			}
			f.send(t, http.MethodGet, "http://example.test/api/hello", "")
			if got := count(); got != maxLoggedRejections+1 {
				t.Errorf("a request that is served is not logged: %d lines", got)
			}
			f.clock.Step(time.Second)
			f.send(t, http.MethodPost, tc.url, "")
			if want := fmt.Sprintf("omitted=%d ", 500-maxLoggedRejections); !strings.Contains(log.String(), want) {
				t.Errorf("the next line does not say %s", want)
			}
			if got := len(f.metrics.seen); got != 502 {
				t.Errorf("the metrics have seen %d requests, want 502", got)
			}
		})
	}
}

func TestRejectionSampler_limitsLoggedSockets(t *testing.T) {
	t.Parallel()
	const flood = 5 * maxLoggedRejections
	withHeader := func(header string) func(*socketFixture) {
		return func(w *socketFixture) {
			_, _, err := w.dial(w.t, pathEventsOut, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {header}}})
			if err == nil {
				w.t.Fatal("the socket was opened")
			}
		}
	}
	for name, tc := range map[string]struct {
		refused func(*socketFixture)
		message string
	}{
		"an invalid token in a header": {withHeader("Bearer bad"), "socket rejected"},
		"a password":                   {withHeader("Basic eDp5"), "socket rejected"},
		"no way to authenticate":       {withHeader(""), "socket rejected"},
		"an unknown long path": {func(w *socketFixture) {
			_, _, _ = w.dial(w.t, "/"+strings.Repeat("x", 10_000), &websocket.DialOptions{Subprotocols: offering})
		}, "socket rejected"},
		"an invalid token in a frame": {func(w *socketFixture) {
			p := w.open(w.t, pathEventsOut, offering...)
			p.send(w.t, `{"type":"auth","token":"bad"}`)
			p.expectEnd(w.t, end{1008, "Invalid token"})
		}, "socket ended"},
		"no permission": {func(w *socketFixture) {
			p := w.open(w.t, pathEventsOut, offering...)
			p.send(w.t, `{"type":"auth","token":"get taskruns in default"}`)
			p.expectEnd(w.t, end{1008, "Invalid token"})
		}, "socket ended"},
		"no auth frame": {func(w *socketFixture) {
			p := w.open(w.t, pathEventsOut, offering...)
			p.send(w.t, `[]`)
			p.expectEnd(w.t, end{})
		}, "socket ended"},
		"not a websocket request": {func(w *socketFixture) {
			r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://example.test/api"+pathEventsOut, http.NoBody)
			r.Header.Set("Connection", "upgrade")
			r.Header.Set("Upgrade", "websocket")
			r.Header.Set("Sec-Websocket-Protocol", "prefect")
			w.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}, "socket rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				lines := func() int {
					synctest.Wait()
					return strings.Count(w.log.String(), `msg="`+tc.message+`"`)
				}
				for range flood {
					tc.refused(w)
				}
				if got := lines(); got != maxLoggedRejections || len(w.log.String()) > 1000*maxLoggedRejections {
					t.Errorf("%d lines of %d refused sockets, %d bytes, want %d lines", got, flood, len(w.log.String()), maxLoggedRejections)
				}
				w.clock.Step(time.Second)
				tc.refused(w)
				if want := fmt.Sprintf("omitted=%d ", flood-maxLoggedRejections); lines() != maxLoggedRejections+1 || !strings.Contains(w.log.String(), want) {
					t.Errorf("the next line does not say %s", want)
				}
			}, withReviewer(&fakeReviewer{}))
		})
	}
}

func TestLogEnd_everyAcceptedSocketIsLogged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]change{"with authentication": withReviewer(&fakeReviewer{}), "without": func(*Options, *Dependencies) {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				for range 3 * maxLoggedRejections {
					p := w.open(w.t, pathEventsOut, offering...)
					p.send(w.t, `{"type":"auth","token":"list taskruns in default"}`)
					p.expect(w.t, frameSuccess)
					if err := p.conn.Close(websocket.StatusInternalError, ""); err != nil {
						w.t.Fatalf("closing: %v", err)
					}
				}
				synctest.Wait()
				if got := strings.Count(w.log.String(), `msg="socket ended"`); got != 3*maxLoggedRejections {
					w.t.Errorf("%d lines of %d sockets", got, 3*maxLoggedRejections)
				}
			}, change)
		})
	}
}
