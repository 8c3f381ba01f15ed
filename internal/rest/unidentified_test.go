package rest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// maskedFrame returns the start of a masked text frame of that size, with a mask of
// zeros.
func maskedFrame(opcode byte, size int) []byte {
	b := []byte{0x80 | opcode, 0x80 | 127}
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	return append(b, 0, 0, 0, 0)
}

// rawOffer is rawSocket with the subprotocol.
func rawOffer(t *testing.T, w *socketFixture) net.Conn {
	t.Helper()
	return rawSocket(t, w, pathEventsOut, "Sec-WebSocket-Protocol: prefect")
}

func TestUnidentifiedSocket_readBytesAreLimited(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0,", 1<<20)
	ping := string(append(maskedFrame(0x9, 100), large[:100]...))
	fragment := string([]byte{0x01, 0x80, 0, 0, 0, 0}) + strings.Repeat(string([]byte{0x00, 0x80, 0, 0, 0, 0}), 1<<17)
	for name, sent := range map[string]string{
		"an auth frame of 1 MiB":          string(maskedFrame(0x1, 1<<20)) + "[" + large,
		"an endless auth frame":           string(maskedFrame(0x1, 16<<20)) + `{"type":"auth","token":"` + large,
		"a binary frame":                  string(maskedFrame(0x2, 1<<20)) + large,
		"pings":                           strings.Repeat(ping, 10_000),
		"a message of empty fragments":    fragment,
		"a frame with an enormous length": string(maskedFrame(0x1, 1<<50)) + large,
		"pings among parts of a message":  string([]byte{0x01, 0x80, 0, 0, 0, 0}) + strings.Repeat(ping, 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				conn := rawOffer(w.t, w)
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				taken := 0
				for {
					n, err := conn.Write([]byte(sent[taken:min(len(sent), taken+100)]))
					if taken += n; err != nil || taken == len(sent) {
						break
					}
				}
				if most := ws.MaxUnidentifiedBytes + 8<<10; taken > most {
					w.t.Errorf("%d bytes were read, want %d at most", taken, most)
				}
			}, withReviewer(&fakeReviewer{}))
		})
	}
}

func TestUnidentifiedSocket_timeIsLimited(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"nothing is sent": "", "the frame lacks its last byte": string(maskedFrame(0x1, 1000)) + strings.Repeat(" ", 999),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				began := time.Now()
				conn := rawOffer(w.t, w)
				go func() { _, _ = conn.Write([]byte(sent)) }()
				_, _ = io.Copy(io.Discard, conn)
				if took := time.Since(began); took != 5*time.Second {
					w.t.Errorf("ended after %s, want 5 s", took)
				}
			}, withReviewer(&fakeReviewer{}))
		})
	}
}

func TestAuthFrame_numberOfValuesIsLimited(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		frame string
		want  end
	}{
		"many values":       {`{"type":"auth","token":"x","more":[` + strings.Repeat("0,", 5000) + `0]}`, end{}},
		"many keys":         {`{"type":"auth"` + strings.Repeat(`,"a":0`, 3000) + `}`, end{}},
		"deeply nested":     {`{"type":"auth","token":` + strings.Repeat("[", 400) + strings.Repeat("]", 400) + `}`, end{}},
		"the longest token": {`{"type":"auth","token":"` + strings.Repeat("x", 16<<10) + `"}`, end{1008, "Invalid token"}},
		"one key more":      {`{"type":"auth","token":"bad","client":"later"}`, end{1008, "Invalid token"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				p := w.open(w.t, pathEventsOut, offering...)
				p.send(w.t, tc.frame)
				p.expectEnd(w.t, tc.want)
			}, withReviewer(&fakeReviewer{}))
		})
	}
}

func TestUnidentifiedSockets_doNotBlockIdentifiedCallers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		var silent []*peer
		for range 7 {
			silent = append(silent, w.open(t, pathEventsOut, offering...))
			synctest.Wait() // it is in the pool before the next one
		}
		good := w.open(t, pathEventsOut, offering...)
		good.send(t, `{"type":"auth","token":"list taskruns in default"}`)
		good.expect(t, frameSuccess)
		for i, p := range silent[:4] {
			if got := p.ended(t); got != (end{1013, "Service Unavailable"}) {
				t.Errorf("silent socket %d: end = %v, want 1013", i, got)
			}
		}
		synctest.Wait()
		if taken, waiting := w.server.sockets.Len(), w.server.unidentified.Sockets.Len(); taken != 1 || waiting != 3 {
			t.Errorf("%d places and %d of the unidentified are taken, want 1 and 3", taken, waiting)
		}
		second := w.open(t, pathEventsOut, offering...)
		second.send(t, `{"type":"auth","token":"list taskruns in default"}`)
		second.expectEnd(t, end{1013, "Service Unavailable"}) // the only slot is in use
		o := &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer list taskruns in default"}}}
		if _, status, err := w.dial(t, pathEventsOut, o); err == nil || status != http.StatusServiceUnavailable {
			t.Errorf("a third one: status %d, want 503", status)
		}
	}, withReviewer(&fakeReviewer{}), func(o *Options, _ *Dependencies) {
		o.Sockets.Most, o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress = 1, 100, 4
	})
}

// slowReviewer blocks reviews of the token "slow".
type slowReviewer struct {
	fakeReviewer
	waits chan struct{}
}

func (d *slowReviewer) Authenticate(ctx context.Context, token string) (authn.Caller, error) {
	if token == "slow" {
		d.waits <- struct{}{}
		<-ctx.Done()
		return authn.Caller{}, fmt.Errorf("%w: %w", authn.ErrUnavailable, ctx.Err())
	}
	return d.fakeReviewer.Authenticate(ctx, token)
}

func TestUnidentifiedRequests_doNotBlockIdentifiedCallers(t *testing.T) {
	t.Parallel()
	reviewer := &slowReviewer{waits: make(chan struct{})}
	f := newFixture(t, withReviewer(&reviewer.fakeReviewer), func(o *Options, d *Dependencies) {
		d.Reviewer, o.MaxInFlight, o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress = reviewer, 1, 3, 2
	})
	var flood sync.WaitGroup
	codes := make(chan int, 3)
	for range 3 {
		flood.Go(func() { codes <- f.knock(t, http.MethodGet, "/api/version", "Bearer slow").Code })
		<-reviewer.waits
	}
	if got := <-codes; got != http.StatusServiceUnavailable {
		t.Errorf("beyond the share of the address: status %d, want 503", got)
	}
	if got := f.knock(t, http.MethodPost, "/api/task_runs/count", "Bearer list taskruns in default").Code; got != http.StatusOK {
		t.Errorf("a known caller: status %d, want 200", got)
	}
	for range 2 { // frees slots, so that the others end
		flood.Go(func() { f.knock(t, http.MethodGet, "/api/version", "Bearer slow") })
		<-reviewer.waits
	}
	for range 2 { // ends the two in the pool
		leave := f.server.unidentified.Requests.Enter(limiter.AddressOf("192.0.2.1:1234"), func() {})
		defer leave()
	}
	flood.Wait()
	if n := f.server.unidentified.Requests.Len(); n != 2 {
		t.Errorf("%d requests have a place, want the two of the test", n)
	}
}

// countedBody is an endless body.
type countedBody struct{ read int }

func (b *countedBody) Read(p []byte) (int, error) {
	b.read += len(p)
	if b.read > 1<<30 {
		return 0, errors.New("too much was read")
	}
	return len(p), nil
}

func (b *countedBody) Close() error { return nil }

func TestUnidentifiedRequests_bodiesAreNotRead(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	for name, tc := range map[string]struct {
		path, token string
		length      int64
		most        int
	}{
		"no token, of unknown length":            {"/api/task_runs/", "", -1, 0},
		"no token, large":                        {"/api/task_runs/", "", 1 << 40, 0},
		"no token, small":                        {"/api/task_runs/", "", 1000, ws.MaxUnidentifiedBytes},
		"an invalid token":                       {"/api/logs/", "Bearer bad", -1, 0},
		"an open route":                          {"/api/health", "", -1, 0},
		"an unknown route":                       {"/nowhere", "", -1, 0},
		"an identified caller gets the response": {"/api/task_runs/", "Bearer list taskruns in default", -1, drainedBytes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &countedBody{}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.test"+tc.path, body)
			r.ContentLength = tc.length
			if tc.token != "" {
				r.Header.Set("Authorization", tc.token)
			}
			w := httptest.NewRecorder()
			f.server.Handler().ServeHTTP(w, r)
			if body.read > tc.most+32<<10 || tc.most == 0 && body.read > 0 {
				t.Errorf("%d bytes were read, want %d at most", body.read, tc.most)
			}
			if tc.most == 0 && w.Header().Get("Connection") != "close" {
				t.Error("the connection stays open although its body was not read")
			}
		})
	}
}

func TestSilentConnections_oldestIsClosedAtTheLimit(t *testing.T) {
	t.Parallel()
	s := start(t, withReviewer(&fakeReviewer{}), func(o *Options, _ *Dependencies) {
		o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress, o.HeaderTimeout = 9, 3, time.Hour
	})
	dial := func() net.Conn {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.server.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	ask := func(conn net.Conn) string {
		if _, err := io.WriteString(conn, "GET /api/version HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer get nothing in default\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1000)
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
	known := dial()
	if got := ask(known); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Fatalf("answer = %s, want 200", got)
	}
	var silent []net.Conn
	for range 6 {
		silent = append(silent, dial())
	}
	for i, conn := range silent[:3] { // ends when the next of the six is accepted
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("connection %d is not closed", i)
		}
	}
	for _, conn := range []net.Conn{known, dial()} {
		if got := ask(conn); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("answer = %s, want 200", got)
		}
	}
}
