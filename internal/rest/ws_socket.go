package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

const (
	// subprotocol is the one that begins with an auth frame. Clients that do
	// not offer it are older and send none (contract §1.6).
	subprotocol = "prefect"
	// maxFrame bounds a frame, in bytes; it is that of Prefect's server.
	maxFrame = 16 << 20
	// maxCommand bounds a frame of a few keys, in bytes.
	maxCommand = 256 << 10
	// maxCommandValues bounds the values in it.
	maxCommandValues = 10_000
	// maxCloseReason is what fits a close frame (RFC 6455 §5.5).
	maxCloseReason = 123
)

// closing is the reason why a socket ends, as its peer is told. A code of 0
// says that the connection just drops, as Prefect has it at faults of the peer
// that it did not foresee.
type closing struct {
	code   websocket.StatusCode
	reason string
	cause  error // for the log
}

func (c *closing) Error() string {
	switch {
	case c.code == 0 && c.cause != nil:
		return "dropped: " + c.cause.Error()
	case c.cause != nil:
		return fmt.Sprintf("closed with %d %q: %v", c.code, c.reason, c.cause)
	default:
		return fmt.Sprintf("closed with %d %q", c.code, c.reason)
	}
}

func (c *closing) Unwrap() error { return c.cause }

// closed tells the peer a code and a reason.
func closed(code websocket.StatusCode, reason string) error {
	return &closing{code: code, reason: reason}
}

// dropped ends a connection without a word.
func dropped(cause error) error { return &closing{cause: cause} }

// failed is the end that a fault of ours brings. Clients come again.
func failed(doing string, err error) error {
	return &closing{code: websocket.StatusInternalError, reason: "Internal error", cause: fmt.Errorf("%s: %w", doing, err)}
}

var (
	// errRestart ends all sockets when the server stops. Clients come again
	// after any code but 1000 and 1001, which end a worker (contract §0.26).
	errRestart = closed(websocket.StatusServiceRestart, "Server is restarting")
	// errGone says that the peer has ended the connection.
	errGone = errors.New("the peer is gone")

	errPingUnanswered = dropped(errors.New("a ping was not answered in time"))
	errNotJSON        = dropped(errors.New("a frame that is no JSON object"))
	errNotText        = dropped(errors.New("a frame that is no text"))
	errTooLarge       = dropped(errors.New("a frame that is too large"))
)

// socket is one websocket. One goroutine reads; any may write or end it.
type socket struct {
	conn    *websocket.Conn
	gate    *gate
	options *SocketOptions
	log     *slog.Logger
	authed  bool         // the subprotocol with an auth frame was chosen
	caller  authn.Caller // at the other end; no name: there is no authentication
	memory  *bodyMemory  // of the server
	// makeRoom is called before a frame waits for memory: it lets go of what the
	// socket holds itself. nil: it holds nothing.
	makeRoom func() error

	// life ends when the socket does; its cause tells why. Reading goes on
	// until the connection is closed, which takes a moment longer.
	life   context.Context //nolint:containedctx // is that of the connection
	end    context.CancelCauseFunc
	closed chan struct{} // the connection is

	// exchange holds something while an answer of the peer is waited for that
	// must not be lost, and for good when the server stops.
	exchange chan struct{}

	turns atomic.Int64 // odd while what was read is at work, and nothing is read
}

// newSocket makes the connection a socket, which lives as long as parent.
func newSocket(parent context.Context, conn *websocket.Conn, g *gate, o *SocketOptions, memory *bodyMemory, log *slog.Logger) *socket {
	k := &socket{conn: conn, gate: g, options: o, memory: memory, log: log, authed: conn.Subprotocol() != "", closed: make(chan struct{}), exchange: make(chan struct{}, 1)}
	k.life, k.end = context.WithCancelCause(parent)
	k.turns.Store(1)
	conn.SetReadLimit(maxFrame)
	context.AfterFunc(k.life, k.close) //nolint:contextcheck // the library bounds a close by itself
	return k
}

// close ends the connection in the way that the cause of death asks for.
func (k *socket) close() {
	defer close(k.closed)
	var how *closing
	if errors.As(context.Cause(k.life), &how) && how.code != 0 {
		_ = k.conn.Close(how.code, how.reason) // a peer that does not answer is closed all the same
		return
	}
	_ = k.conn.CloseNow() // an error says that it is closed
}

// settleTime is how long a server that stops waits for an answer that must not
// be lost: to close a websocket discards what arrives until then.
const settleTime = 5 * time.Second

// restart ends the socket because the server stops.
func (k *socket) restart() { k.endSettled(k.life, errRestart) }

// endSettled ends the socket once no answer of the peer is waited for that must not be
// lost, but soon. It does nothing if ctx ends before.
func (k *socket) endSettled(ctx context.Context, cause error) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case k.exchange <- struct{}{}:
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	k.end(cause)
}

// keepAlive asks the peer again and again whether it lives, until the socket
// ends. While nothing is read, its answer cannot be: then it is trusted.
func (k *socket) keepAlive() {
	tick := time.NewTicker(k.options.PingInterval)
	defer tick.Stop()
	for {
		select {
		case <-k.life.Done():
			return
		case <-tick.C:
		}
		turn := k.turns.Load()
		if turn%2 != 0 || k.gate.busy.Load() {
			continue
		}
		late := errors.Is(k.ping(), context.DeadlineExceeded)
		if late && k.turns.Load() == turn && !k.gate.busy.Load() {
			k.end(errPingUnanswered)
			return
		}
	}
}

// ping does not end with the socket's life: to break off a frame would break the
// connection, and the close frame could not be sent any more.
func (k *socket) ping() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), k.options.PingTimeout)
	defer cancel()
	return k.conn.Ping(ctx)
}

// read waits for a frame. One larger than the limit, in bytes, is read to its
// end and not kept: then small is false. release returns the memory of the text.
func (k *socket) read(limit int64) (text []byte, small bool, release func(), err error) {
	release = func() {}
	k.turns.Add(1)
	defer k.turns.Add(1)
	kind, r, err := k.conn.Reader(context.WithoutCancel(k.life))
	if err != nil {
		return nil, false, release, fmt.Errorf("%w: %w", errGone, err)
	}
	if kind != websocket.MessageText {
		return nil, false, release, errNotText
	}
	text, err = io.ReadAll(io.LimitReader(r, min(limit, uncountedBytes)+1))
	if err == nil && int64(len(text)) > uncountedBytes {
		text, release, err = k.readLarge(text, r, limit)
	}
	if err == nil && int64(len(text)) > limit {
		text = nil
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		release()
		return nil, false, release, fmt.Errorf("%w: %w", errGone, err)
	}
	return text, text != nil, release, nil
}

// readLarge reads the rest of a frame, up to one byte more than the limit, once
// there is memory for the largest that it can be. A frame that holds memory has to
// arrive in time.
func (k *socket) readLarge(begin []byte, r io.Reader, limit int64) (text []byte, release func(), err error) {
	release, err = k.reserve(k.memory.arriving, limit)
	if err != nil {
		return nil, release, err
	}
	late := time.AfterFunc(k.options.FrameTimeout, func() {
		k.end(dropped(errors.New("a frame did not arrive in time")))
	})
	defer late.Stop()
	rest, err := io.ReadAll(io.LimitReader(r, limit+1-int64(len(begin))))
	return append(begin, rest...), release, err
}

// reserve waits for memory as long as the socket lives; its pings wait too.
func (k *socket) reserve(from *byteBudget, n int64) (release func(), err error) {
	if release, ok := from.try(k.caller.Name, n); ok {
		return release, nil
	}
	k.gate.busy.Store(true)
	defer k.gate.busy.Store(false)
	if k.makeRoom != nil {
		if err := k.makeRoom(); err != nil {
			return func() {}, err
		}
	}
	return from.acquire(k.life, k.caller.Name, n)
}

// parsing waits for the memory that the values of a text take.
func (k *socket) parsing(text []byte, most int) (release func(), err error) {
	values := pyjson.CountValues(text)
	if values > most {
		return func() {}, errTooLarge
	}
	return k.reserve(k.memory.parsed, parsedBytes(text, values))
}

// command waits for a frame of few keys. What is no JSON object ends the
// connection without a word.
func (k *socket) command() (pyjson.Value, error) {
	text, small, release, err := k.read(maxCommand)
	defer release()
	switch {
	case err != nil:
		return nullValue, err
	case !small:
		return nullValue, errTooLarge
	}
	done, err := k.parsing(text, maxCommandValues)
	if err != nil {
		return nullValue, err
	}
	defer done()
	value, fault := pyjson.Parse(text)
	if fault != nil || value.Kind() != pyjson.Object {
		return nullValue, errNotJSON
	}
	return value, nil
}

// authFrame waits for the frame in which the caller identifies itself. It has few
// keys and must come soon: nothing is known of the sender.
func (k *socket) authFrame() (pyjson.Value, error) {
	defer k.endUnless(k.options.AuthTimeout)()
	text, small, release, err := k.read(maxUnidentifiedBytes)
	defer release()
	switch {
	case err != nil:
		return nullValue, err
	case !small || pyjson.CountValues(text) > maxAuthValues:
		return nullValue, errTooLarge
	}
	value, fault := pyjson.Parse(text)
	if fault != nil || value.Kind() != pyjson.Object {
		return nullValue, errNotJSON
	}
	return value, nil
}

// endUnless ends the socket after that time, unless stop is called before.
func (k *socket) endUnless(d time.Duration) (stop func()) {
	late := time.AfterFunc(d, func() {
		k.end(dropped(errors.New("the handshake did not end in time")))
	})
	return func() { late.Stop() }
}

// hello is command for the frames that begin a conversation, which have to
// come in time.
func (k *socket) hello() (pyjson.Value, error) {
	defer k.endUnless(k.options.HelloTimeout)()
	return k.command()
}

// send writes a frame. A peer that does not take it in time is cut.
func (k *socket) send(text []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), k.options.WriteTimeout)
	defer cancel()
	if err := k.conn.Write(ctx, websocket.MessageText, text); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return dropped(errors.New("the peer reads too slowly"))
		}
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// is reports whether a command is of the type.
func is(command pyjson.Value, kind string) bool {
	value, _ := command.Member("type")
	return value.Kind() == pyjson.String && value.Text() == kind
}

// isUpgrade reports whether a request asks for a websocket.
func isUpgrade(r *http.Request) bool {
	return headerHas(r.Header, "Connection", "upgrade") && headerHas(r.Header, "Upgrade", "websocket")
}
