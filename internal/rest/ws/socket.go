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
	caller    string // "" before SetCaller and without authentication
	// flush is called before a frame waits for memory. It frees the memory that the socket itself holds. nil: it holds
	// none.
	flush func() error

	// life ends with the socket; its cause is the reason. Reads continue until the connection is closed, a moment
	// later.
	life   context.Context //nolint:containedctx // that of the connection
	end    context.CancelCauseFunc
	closed chan struct{} // closed when the connection is closed

	// exchange has one slot. It is acquired while the socket waits for a response of the peer that must not be lost,
	// and permanently when the server stops.
	exchange chan struct{}

	reads atomic.Int64 // incremented at the start and end of each read: even while no read is in progress
}

func newSocket(parent context.Context, conn *websocket.Conn, frames *frameReader, writer *frameWriter, o *AcceptOptions) *Socket {
	k := &Socket{
		conn: conn, frames: frames, writer: writer, options: o.Options, memory: o.Memory, log: o.Log, handshake: conn.Subprotocol() != "",
		closed: make(chan struct{}), exchange: make(chan struct{}, 1),
	}
	k.life, k.end = context.WithCancelCause(parent)
	k.reads.Store(1)
	conn.SetReadLimit(MaxFrame)
	context.AfterFunc(k.life, k.close) //nolint:contextcheck // the library limits the time of a close
	return k
}

// Handshake reports whether the client sends an auth frame first.
func (k *Socket) Handshake() bool { return k.handshake }

// SetCaller sets the name of the identified caller, to whom the memory of frames is attributed. It lifts the limit on
// bytes of unidentified callers. The goroutine that reads calls it.
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

// Closed returns a channel that is closed with the connection.
func (k *Socket) Closed() <-chan struct{} { return k.closed }

// BeforeFrame sets the function to call before each frame is read, when all frames before it were read. An error ends
// the connection. The response to a ping is sent after f has returned for it.
func (k *Socket) BeforeFrame(f func(next FrameKind) error) { k.frames.beforeFrame = f }

// BeforeMemory sets the function to call before a frame waits for memory. It frees the memory that the socket holds.
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

// BeginExchange begins an exchange whose response must not be lost: a stopping server waits for its end. ok is false if
// the server is already stopping. Otherwise EndExchange must be called.
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

// close ends the connection according to the cause of the end.
func (k *Socket) close() {
	defer close(k.closed)
	var how *CloseError
	if errors.As(context.Cause(k.life), &how) && how.Code != 0 {
		_ = k.conn.Close(how.Code, how.Reason) // closes the connection also if the peer does not respond
		return
	}
	_ = k.conn.CloseNow() // an error means that it is closed
}

// EndTimeout is the maximum time that a socket waits for the end of an exchange before it closes, because closing
// discards the frames that arrive afterwards.
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

// KeepAlive pings the peer at intervals until the socket ends, and ends the socket if the peer does not respond. Pongs
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

// ping does not end with the life of the socket: an interrupted frame would break the connection, and then no close
// frame could be sent.
func (k *Socket) ping() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), k.options.PingTimeout)
	defer cancel()
	return k.conn.Ping(ctx)
}

// Send writes a text frame. It returns an error if the peer does not read the frame within WriteTimeout.
func (k *Socket) Send(text []byte) error {
	return k.SendAll(func(yield func([]byte) bool) { yield(text) })
}

// SendAll writes text frames, many of them in one system call. It returns an error if the peer does not read the bytes
// of one call within WriteTimeout.
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
