package rest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The library answers a ping as soon as it reads it, and never reads ahead:
// it asks for the next frame only when all before it were taken. So whoever
// stands below it at the beginning of a frame, and knows which kind it is, can
// let a ping wait until all before it is done. A gate stands there.

// gate is the connection below a websocket.
type gate struct {
	net.Conn
	in   *bufio.Reader
	left uint64 // bytes of the frame under way that were not handed out

	// limited tells that no more than allowance bytes may be read: the caller is
	// not identified.
	limited   bool
	allowance int

	// pass is asked before each frame. It is called by the goroutine that
	// reads, when all frames before this one were handed out and taken. Its
	// error ends the connection.
	pass func(next frameKind) error
	busy atomic.Bool // pass is at work: nothing is read, pongs neither
}

// frameKind says what comes next on a connection.
type frameKind int

const (
	frameNone    frameKind = iota // nothing has arrived
	frameData                     // a message or a part of one, or a pong
	frameBarrier                  // a ping, or the close: what wants an answer
)

// The opcodes of frames that are answered (RFC 6455 §5.5), and the bits of a
// frame's first two bytes.
const (
	opcodeClose = 0x8
	opcodePing  = 0x9
	opcodeBits  = 0x0f
	lengthBits  = 0x7f
	maskBit     = 0x80
	length16    = 126
	length64    = 127
)

// errAllowance ends a connection whose caller sent too much before it was identified.
var errAllowance = errors.New("too much was sent before the caller was identified")

// Read hands out bytes of one frame at most.
func (g *gate) Read(p []byte) (int, error) {
	if g.left == 0 {
		if err := g.begin(); err != nil {
			return 0, err
		}
	}
	if uint64(len(p)) > g.left {
		p = p[:g.left]
	}
	if g.limited {
		if p = p[:min(len(p), g.allowance)]; len(p) == 0 {
			return 0, errAllowance
		}
	}
	n, err := g.in.Read(p)
	g.allowance -= n
	g.left -= uint64(n) //nolint:gosec // n is not negative
	return n, err
}

// begin waits for a frame and lets it pass.
func (g *gate) begin() error {
	if g.in.Buffered() == 0 {
		if err := g.ask(frameNone); err != nil {
			return err
		}
	}
	head, err := g.in.Peek(2)
	if err != nil {
		return err
	}
	kind := frameData
	if op := head[0] & opcodeBits; op == opcodePing || op == opcodeClose {
		kind = frameBarrier
	}
	if err := g.ask(kind); err != nil {
		return err
	}
	g.left, err = g.size(head[1])
	return err
}

func (g *gate) ask(kind frameKind) error {
	if g.pass == nil {
		return nil
	}
	g.busy.Store(true)
	defer g.busy.Store(false)
	return g.pass(kind)
}

var errFrameSize = errors.New("a frame of more than 2^63 bytes")

// size is the size of the frame that begins here, its header included.
func (g *gate) size(second byte) (uint64, error) {
	header, length := 2, uint64(second&lengthBits)
	switch length {
	case length16:
		header += 2
	case length64:
		header += 8
	}
	head, err := g.in.Peek(header)
	if err != nil {
		return 0, err
	}
	switch length {
	case length16:
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case length64:
		length = binary.BigEndian.Uint64(head[2:])
	}
	if length>>63 != 0 {
		return 0, errFrameSize
	}
	if second&maskBit != 0 {
		header += 4
	}
	return uint64(header) + length, nil
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// window is a span of time in which a connection may be waited for.
type window struct {
	gate  *gate
	timer *time.Timer

	mu            sync.Mutex
	over, waiting bool
}

// open begins a window of this length. It is to be shut.
func (g *gate) open(d time.Duration) *window {
	w := &window{gate: g, over: d <= 0}
	if !w.over {
		w.timer = time.AfterFunc(d, w.end)
	}
	return w
}

// end makes who waits go on. Elsewhere a deadline would break the connection.
func (w *window) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.waiting {
		_ = w.gate.SetReadDeadline(longAgo) // fails if the connection is closed: then Peek does too
	}
}

func (w *window) shut() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// await waits until something arrives or the window is over. A connection that
// has ended also has something to tell.
func (w *window) await() (arrived bool) {
	w.mu.Lock()
	w.waiting = !w.over
	wait := w.waiting
	w.mu.Unlock()
	if !wait {
		return false
	}
	_, err := w.gate.in.Peek(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = false
	if w.over {
		_ = w.gate.SetReadDeadline(time.Time{})
	}
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// gatedWriter is a ResponseWriter whose connection gets a gate when it is
// taken over.
type gatedWriter struct {
	http.ResponseWriter
	gate *gate
}

// Hijack takes the connection over. What the client has sent ahead is in the gate.
func (w *gatedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, both, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("taking the connection over: %w", err)
	}
	w.gate.Conn, w.gate.in = conn, both.Reader
	return w.gate, bufio.NewReadWriter(bufio.NewReaderSize(w.gate, frameBuffer), both.Writer), nil
}

// frameBuffer is the room between the gate and the library, in bytes.
const frameBuffer = 512
