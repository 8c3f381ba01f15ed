package ws

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/panics"
)

// Socket is one websocket. One goroutine reads. Any goroutine can write to it or end it.
type Socket struct {
	conn      *websocket.Conn
	frames    *frameReader
	writer    *frameWriter
	options   *Options
	memory    Memory
	log       *slog.Logger
	handshake bool   // the subprotocol with an auth frame was chosen
	caller    string // "" before SetCaller, and without authentication
	// flush is called before a frame waits for memory: it frees the memory that the socket itself holds. nil: it
	// holds none.
	flush func() error

	// life ends when the socket does; its cause is the reason. Reads continue until the connection is closed, which
	// takes a moment longer.
	life   context.Context //nolint:containedctx // is that of the connection
	end    context.CancelCauseFunc
	closed chan struct{} // the connection is

	// exchange has one place. It is taken while the socket waits for an answer of the peer that must not be lost, and
	// for good when the server stops.
	exchange chan struct{}

	reads atomic.Int64 // incremented at the begin and the end of each read: odd while nothing is read
}

func newSocket(parent context.Context, conn *websocket.Conn, frames *frameReader, writer *frameWriter, o *AcceptOptions) *Socket {
	k := &Socket{
		conn: conn, frames: frames, writer: writer, options: o.Options, memory: o.Memory, log: o.Log, handshake: conn.Subprotocol() != "",
		closed: make(chan struct{}), exchange: make(chan struct{}, 1),
	}
	k.life, k.end = context.WithCancelCause(parent)
	k.reads.Store(1)
	conn.SetReadLimit(MaxFrame)
	context.AfterFunc(k.life, k.close) //nolint:contextcheck // the library bounds a close by itself
	return k
}

// Handshake reports whether the client sends an auth frame first.
func (k *Socket) Handshake() bool { return k.handshake }

// SetCaller sets the name of the identified caller, whose memory the frames take. It lifts the limit on bytes of
// unidentified callers. It is called by the goroutine that reads.
func (k *Socket) SetCaller(name string) {
	k.caller = name
	k.frames.limited = false
}

// Life returns the context of the socket. Its cause is the reason why the socket has ended.
func (k *Socket) Life() context.Context { return k.life }

// Log returns the logger of the socket.
func (k *Socket) Log() *slog.Logger { return k.log }

// End ends the socket. A CloseError has the code for the peer. Calls after the first one have no effect.
func (k *Socket) End(cause error) { k.end(cause) }

// Closed returns a channel that is closed when the connection is.
func (k *Socket) Closed() <-chan struct{} { return k.closed }

// BeforeFrame has f called before each frame is read, when all frames before it were read. An error ends the
// connection. A ping is answered after f has returned for it.
func (k *Socket) BeforeFrame(f func(next FrameKind) error) { k.frames.beforeFrame = f }

// BeforeMemory has f called before a frame waits for memory, so that it frees the memory that the socket holds.
func (k *Socket) BeforeMemory(f func() error) { k.flush = f }

// Guard calls f in a goroutine of the socket. A panic in f ends the socket.
func (k *Socket) Guard(f func()) {
	err := panics.Guard(func() error {
		f()
		return nil
	})
	if err != nil {
		k.end(NewInternalError("serve a socket", err))
	}
}

// BeginExchange begins an exchange whose answer must not be lost: a server that stops waits for its end. ok is false if
// the server stops already. EndExchange has to be called otherwise.
func (k *Socket) BeginExchange() (ok bool) {
	select {
	case k.exchange <- struct{}{}:
		return true
	default:
		return false
	}
}

// EndExchange ends the exchange.
func (k *Socket) EndExchange() { <-k.exchange }

// close ends the connection as the cause of the end requires.
func (k *Socket) close() {
	defer close(k.closed)
	var how *CloseError
	if errors.As(context.Cause(k.life), &how) && how.Code != 0 {
		_ = k.conn.Close(how.Code, how.Reason) // a peer that does not answer is closed all the same
		return
	}
	_ = k.conn.CloseNow() // an error says that it is closed
}

// EndTimeout is the time for which a socket that ends waits for the end of an exchange: the close of a websocket discards
// the frames that arrive after it.
const EndTimeout = 5 * time.Second

// Restart ends the socket because the server stops.
func (k *Socket) Restart() { k.EndAfterExchange(k.life, ErrRestart) }

// EndAfterExchange ends the socket after the exchange in progress, or after EndTimeout. It does nothing if ctx ends before.
func (k *Socket) EndAfterExchange(ctx context.Context, cause error) {
	timer := time.NewTimer(EndTimeout)
	defer timer.Stop()
	select {
	case k.exchange <- struct{}{}:
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	k.end(cause)
}

// KeepAlive pings the peer at intervals, and ends the socket if the peer does not answer, until the socket ends. Pongs
// arrive only while the socket reads, so a missing pong counts only if the socket was reading all the time.
func (k *Socket) KeepAlive() {
	tick := time.NewTicker(k.options.PingInterval)
	defer tick.Stop()
	for {
		select {
		case <-k.life.Done():
			return
		case <-tick.C:
		}
		reads := k.reads.Load()
		if reads%2 != 0 || k.frames.blocked.Load() {
			continue
		}
		late := errors.Is(k.ping(), context.DeadlineExceeded)
		if late && k.reads.Load() == reads && !k.frames.blocked.Load() {
			k.end(ErrPingUnanswered)
			return
		}
	}
}

// ping does not end with the life of the socket: a frame that is interrupted breaks the connection, and then no close
// frame can be sent.
func (k *Socket) ping() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), k.options.PingTimeout)
	defer cancel()
	return k.conn.Ping(ctx)
}

// Send writes a text frame. The error ends a peer that does not read it within WriteTimeout.
func (k *Socket) Send(text []byte) error {
	return k.SendAll(func(yield func([]byte) bool) { yield(text) })
}

// SendAll writes text frames, many of them in one call of the system. The error ends a peer that does not read what one
// call writes within WriteTimeout.
func (k *Socket) SendAll(texts iter.Seq[[]byte]) error {
	err := k.writer.writeTexts(texts, k.options.WriteTimeout)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return NewDropError(errors.New("the peer reads too slowly"))
	default:
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
}
