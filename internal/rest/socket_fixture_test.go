package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Paths of the websockets.
const (
	pathSubscription = "/task_runs/subscriptions/scheduled"
	pathEventsIn     = "/events/in"
	pathEventsOut    = "/events/out"
)

// Frames of handshakes.
const (
	frameAuth    = `{"type":"auth","token":null}`
	frameSuccess = `{"type":"auth_success"}`
)

// pipes is a listener whose connections stay in the process, so that a synctest
// bubble controls the time.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// socketFixture is a server that listens on pipes, with fake use cases. It must be
// created in a synctest bubble, which fails the test if a goroutine remains.
type socketFixture struct {
	*fixture
	t          *testing.T // of the bubble
	deliveries *fakeDeliveries
	recorder   *fakeRecorder
	stream     *fakeStream
	counted    *socketCounter
	client     *http.Client
}

func newSocketFixture(t *testing.T, changes ...change) *socketFixture {
	t.Helper()
	w := &socketFixture{
		t: t, deliveries: newFakeDeliveries(), recorder: &fakeRecorder{refuses: "Refused"}, stream: &fakeStream{changes: make(chan taskrun.Change)},
		counted: &socketCounter{},
	}
	w.fixture = newFixture(t, append([]change{func(_ *Options, d *Dependencies) {
		d.Deliveries, d.Recorder, d.Stream, d.SocketMetrics = w.deliveries, w.recorder, w.stream, w.counted
	}}, changes...)...)
	listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: w.server.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial}
	w.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		if err := w.server.CloseSockets(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("CloseSockets = %v", err)
		}
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return w
}

// peer is the other end of a websocket.
type peer struct {
	conn   *websocket.Conn
	frames chan string
	err    error // why frames was closed
}

// offering is the subprotocol of a client that supports the handshake.
var offering = []string{"prefect"}

// open connects and reads frames as they arrive.
func (w *socketFixture) open(t *testing.T, path string, subprotocols ...string) *peer {
	t.Helper()
	p := w.openUnread(t, path, subprotocols...)
	p.listen()
	return p
}

// openUnread connects and reads nothing.
func (w *socketFixture) openUnread(t *testing.T, path string, subprotocols ...string) *peer {
	t.Helper()
	return w.openAt(t, "/api"+path, &websocket.DialOptions{Subprotocols: subprotocols})
}

// openAt is openUnread for any path and header.
func (w *socketFixture) openAt(t *testing.T, path string, o *websocket.DialOptions) *peer {
	t.Helper()
	conn, status, err := w.dialAt(t, path, o)
	if err != nil {
		t.Fatalf("%v (status %d)", err, status)
	}
	conn.SetReadLimit(ws.MaxFrame)
	p := &peer{conn: conn, frames: make(chan string, 1000)}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return p
}

// dial requests a socket. status is that of the response.
func (w *socketFixture) dial(t *testing.T, path string, o *websocket.DialOptions) (conn *websocket.Conn, status int, err error) {
	t.Helper()
	return w.dialAt(t, "/api"+path, o)
}

// dialAt is dial for any path.
func (w *socketFixture) dialAt(t *testing.T, path string, o *websocket.DialOptions) (conn *websocket.Conn, status int, err error) {
	t.Helper()
	o.HTTPClient = w.client
	conn, response, err := websocket.Dial(t.Context(), "ws://example.test"+path, o)
	if response != nil {
		status = response.StatusCode
		if response.Body != nil {
			_ = response.Body.Close()
		}
	}
	return conn, status, err
}

func (p *peer) listen() {
	go func() {
		defer close(p.frames)
		for {
			_, text, err := p.conn.Read(context.Background())
			if err != nil {
				p.err = err
				return
			}
			p.frames <- string(text)
		}
	}()
}

// greet performs the handshake.
func (p *peer) greet(t *testing.T) *peer {
	t.Helper()
	p.send(t, frameAuth)
	p.expect(t, frameSuccess)
	return p
}

func (p *peer) send(t *testing.T, text string) {
	t.Helper()
	if err := p.conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("sending %.60s: %v", text, err)
	}
}

// recv returns the next frame.
func (p *peer) recv(t *testing.T) string {
	t.Helper()
	text, ok := <-p.frames
	if !ok {
		t.Fatalf("the socket ended: %v", p.err)
	}
	return text
}

func (p *peer) expect(t *testing.T, want string) {
	t.Helper()
	if got := p.recv(t); got != want {
		t.Fatalf("frame = %s, want %s", got, want)
	}
}

// silent checks that no frame arrives until all goroutines are blocked.
func (p *peer) silent(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case text, ok := <-p.frames:
		t.Fatalf("frame = %s (%t, %v), want none", text, ok, p.err)
	default:
	}
}

// end is the end of a socket. A code of 0 means that the connection dropped without a
// close frame.
type end struct {
	Code   websocket.StatusCode
	Reason string
}

// ended waits for the end.
func (p *peer) ended(t *testing.T) end {
	t.Helper()
	for text := range p.frames {
		t.Fatalf("frame = %s, want the end", text)
	}
	var how websocket.CloseError
	errors.As(p.err, &how)
	return end{how.Code, how.Reason}
}

func (p *peer) expectEnd(t *testing.T, want end) {
	t.Helper()
	if diff := cmp.Diff(want, p.ended(t)); diff != "" {
		t.Fatalf("end (-want +got):\n%s\n%v", diff, p.err)
	}
}

// ping sends a ping. The channel returns nil after the pong, or an error if there is
// none.
func (p *peer) ping(t *testing.T) <-chan error {
	t.Helper()
	answered := make(chan error, 1)
	go func() { answered <- p.conn.Ping(t.Context()) }()
	return answered
}

func (p *peer) close(t *testing.T) {
	t.Helper()
	if err := p.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatalf("closing: %v", err)
	}
}

// pass advances the time, which takes no time in a bubble.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// waiting checks that a channel is empty when all goroutines are blocked.
func waiting[T any](t *testing.T, c <-chan T, what string) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-c:
		t.Fatalf("%s came too early: %v", what, got)
	default:
	}
}
