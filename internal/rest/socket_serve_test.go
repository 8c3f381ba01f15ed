package rest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestSockets_subprotocolIsNegotiated(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		offered []string
		want    string
	}{
		"the supported subprotocol": {[]string{"prefect"}, "prefect"},
		"none":                      {nil, ""},
		"another":                   {[]string{"other"}, ""},
		"the supported subprotocol after another": {[]string{"other", "prefect"}, "prefect"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				if got := w.open(t, pathSubscription, tc.offered...).conn.Subprotocol(); got != tc.want {
					t.Errorf("subprotocol = %q, want %q", got, tc.want)
				}
			})
		})
	}
}

func TestSockets_invalidUpgradesAreRejected(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path    string
		offered []string
		changes []change
		want    int
	}{
		"an unknown path":                              {"/nope", offering, nil, http.StatusForbidden},
		"a path without a websocket":                   {"/health", offering, nil, http.StatusForbidden},
		"a surplus slash":                              {pathEventsIn + "/", offering, nil, http.StatusForbidden},
		"no subprotocol where one is required":         {pathEventsIn, nil, []change{withToken}, http.StatusForbidden},
		"an unknown subprotocol where one is required": {pathEventsIn, []string{"other"}, []change{withToken}, http.StatusForbidden},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				conn, status, err := w.dial(t, tc.path, &websocket.DialOptions{Subprotocols: tc.offered})
				if err == nil {
					_ = conn.CloseNow()
					t.Fatal("the socket was opened")
				}
				if status != tc.want {
					t.Errorf("status = %d, want %d", status, tc.want)
				}
			}, tc.changes...)
		})
	}
}

func TestSockets_requestsWithoutAnUpgradeAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{pathSubscription, pathEventsIn, pathEventsOut} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if w := f.ask(t, method, path, ""); w.Code != http.StatusNotFound || w.Body.String() != `{"detail":"Not Found"}` {
				t.Errorf("%s %s: %d %s, want 404", method, path, w.Code, w.Body)
			}
		}
	}
}

func TestSockets_onlyLoopbackPagesOpenThem(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		conn, _, err := w.dial(t, pathEventsOut, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"http://localhost:3000"}}})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.CloseNow()
		for _, path := range []string{pathEventsOut, pathEventsIn, pathSubscription, "/nope"} {
			_, status, err := w.dial(t, path, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"http://elsewhere.test"}}})
			if err == nil || status != http.StatusForbidden {
				t.Errorf("%s: status %d, want 403: %v", path, status, err)
			}
		}
	})
}

func TestSockets_stoppingServerClosesThemWithACodeForReconnecting(t *testing.T) {
	t.Parallel()
	restart := end{1012, "Server is restarting"}
	inBubble(t, func(w *socketFixture) {
		t := w.t
		waitingWorker := w.open(t, pathSubscription, offering...).greet(t)
		waitingWorker.send(t, `{"type":"subscribe","keys":["k"],"client_id":"idle"}`)
		synctest.Wait()
		reporter := w.open(t, pathEventsIn, offering...).greet(t)
		listener := w.open(t, pathEventsOut, offering...).greet(t)
		listener.send(t, `{"type":"filter","filter":{}}`)
		stranger := w.open(t, pathEventsIn, offering...)
		synctest.Wait()
		if err := w.server.CloseSockets(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]*peer{"worker": waitingWorker, "reporter": reporter, "listener": listener, "stranger": stranger} {
			if got := p.ended(t); got != restart {
				t.Errorf("%s: end = %v, want %v", name, got, restart)
			}
		}
		w.deliveries.expect(t, "idle wants k", "idle left")
		_, status, err := w.dial(t, pathEventsIn, &websocket.DialOptions{})
		if err == nil || status != http.StatusServiceUnavailable {
			t.Errorf("a new socket: %v, want 503", err)
		}
	})
}

func TestSubscription_ackInFlightCountsWhenTheServerStops(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := worker(t, w, "c")
		w.deliveries.runs <- sample.Run("next")
		stopped := make(chan error, 1)
		go func() { stopped <- w.server.CloseSockets(context.WithoutCancel(t.Context())) }()
		p.silent(t)
		p.send(t, `{"type":"ack"}`)
		p.expectEnd(t, end{1012, "Server is restarting"})
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		calls := w.deliveries.calls
		if len(calls) < 2 || calls[len(calls)-1] != "c left" {
			t.Fatalf("calls = %q, want the end of the worker last", calls)
		}
		for _, text := range calls[1 : len(calls)-1] { // not the acknowledged run
			if text != "c returned next" {
				t.Errorf("call %q, want only the return of the next run", text)
			}
		}
	})
}

func TestSubscription_runWithoutAnAckIsReleasedWhenTheServerStops(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := worker(t, w, "c")
		began := time.Now()
		if err := w.server.CloseSockets(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != ws.EndTimeout {
			t.Errorf("the socket was closed after %s, want %s", took, ws.EndTimeout)
		}
		p.expectEnd(t, end{1012, "Server is restarting"})
		w.deliveries.expect(t, "c wants k", "c returned run of c", "c left")
	})
}

func TestCloseSockets_endsWithTheContext(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		_ = w.openUnread(t, pathEventsIn)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.server.CloseSockets(ctx); err == nil {
			t.Error("a peer that reads nothing was closed within a second")
		}
	})
}

func TestSockets_peerThatRespondsToPingsStaysConnected(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsIn)
		pass(time.Hour)
		p.silent(t)
	})
}

func TestSockets_peerThatDoesNotRespondToPingsIsDisconnected(t *testing.T) {
	t.Parallel()
	for _, path := range []string{pathSubscription, pathEventsIn, pathEventsOut} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				began := time.Now()
				conn := rawSocket(t, w, path)
				buffer := make([]byte, 1000)
				for { // reads, and does not respond
					if _, err := conn.Read(buffer); err != nil {
						break
					}
				}
				if took := time.Since(began); took != 40*time.Second {
					t.Errorf("dropped after %s, want 20 s for each of the pause and the answer", took)
				}
			}, func(o *Options, _ *Dependencies) { o.Sockets.HelloTimeout = time.Hour })
		})
	}
}

// rawSocket opens a websocket and leaves the rest to the caller. Headers are
// complete lines.
func rawSocket(t *testing.T, w *socketFixture, path string, headers ...string) net.Conn {
	t.Helper()
	conn, err := w.client.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "") //nolint:errcheck,forcetypeassert // is one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	headers = append([]string{
		"GET /api" + path + " HTTP/1.1", "Host: example.test", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, headers...)
	go func() { _, _ = conn.Write([]byte(strings.Join(headers, "\r\n") + "\r\n\r\n")) }()
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil || !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 101 ") {
		t.Fatalf("%s %v", buffer[:n], err)
	}
	return conn
}

func TestServer_stopClosesItsSockets(t *testing.T) {
	t.Parallel()
	recorder := &fakeRecorder{}
	s := start(t, func(_ *Options, d *Dependencies) { d.Recorder = recorder })
	conn, response, err := websocket.Dial(t.Context(), strings.Replace(s.url(pathEventsIn), "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	p := &peer{conn: conn, frames: make(chan string, 1)}
	p.listen()
	p.send(t, numbered(1))
	if err := <-p.ping(t); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if err := s.end(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	p.expectEnd(t, end{1012, "Server is restarting"})
	if got := recorder.recorded(t); len(got) != 1 {
		t.Errorf("recorded = %v, want what was sent", got)
	}
}

func TestServer_socketThatDoesNotEndDelaysTheStopForALimitedTime(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	defer close(released)
	entered := make(chan struct{}, 1)
	recorder := &fakeRecorder{before: func(context.Context) error {
		entered <- struct{}{}
		<-released
		return nil
	}}
	s := start(t, func(o *Options, d *Dependencies) { d.Recorder, o.ShutdownTimeout = recorder, 50*time.Millisecond })
	conn, response, err := websocket.Dial(t.Context(), strings.Replace(s.url(pathEventsIn), "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	defer func() { _ = conn.CloseNow() }()
	(&peer{conn: conn}).send(t, numbered(1))
	<-entered
	s.stop()
	if err := s.end(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if !strings.Contains(s.log.String(), "REST requests interrupted") {
		t.Errorf("nothing was said of it: %s", s.log)
	}
}

func TestLogEnd_normalClosesAreLoggedAtDebug(t *testing.T) {
	t.Parallel()
	gone := func(code websocket.StatusCode) error {
		return fmt.Errorf("%w: %w", ws.ErrGone, websocket.CloseError{Code: code})
	}
	cases := map[string]struct {
		cause       error
		wantLevel   slog.Level
		wantBecause string
	}{
		"a normal close by the client": {gone(websocket.StatusNormalClosure), slog.LevelDebug, "closed by the client with 1000"},
		"going away":                   {gone(websocket.StatusGoingAway), slog.LevelDebug, "closed by the client with 1001"},
		"no code":                      {gone(websocket.StatusNoStatusRcvd), slog.LevelDebug, "closed by the client with 1005"},
		"an error code of the client":  {gone(websocket.StatusProtocolError), slog.LevelInfo, "the peer is gone"},
		"the connection breaks":        {fmt.Errorf("%w: %w", ws.ErrGone, io.EOF), slog.LevelInfo, "the peer is gone: EOF"},
		"no pong":                      {ws.ErrPingUnanswered, slog.LevelInfo, "dropped: a ping was not answered in time"},
		"the server stops":             {ws.ErrRestart, slog.LevelInfo, "Server is restarting"},
		"an error of the server":       {ws.NewInternalError("reading", io.EOF), slog.LevelError, "reading: EOF"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			level, because := howEnded(tc.cause)
			if level != tc.wantLevel || !strings.Contains(because, tc.wantBecause) {
				t.Errorf("%s, %q, want %s and %q", level, because, tc.wantLevel, tc.wantBecause)
			}
		})
	}
}
