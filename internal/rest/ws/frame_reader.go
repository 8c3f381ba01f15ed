package ws

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
)

// The library responds to a ping as soon as it reads it, and never reads ahead: it requests the next frame only when
// the socket has read all frames before it. A reader below the library that knows the kind of the next frame can
// therefore delay a ping until all frames before it are handled. frameReader is this reader.

// frameReader is the connection below a websocket.
type frameReader struct {
	net.Conn
	in   *bufio.Reader
	left uint64 // bytes of the current frame that the library has not read

	// limited is true until the caller is identified: at most allowance bytes can be read.
	limited   bool
	allowance int

	// beforeFrame is called before each frame, by the goroutine that reads, when all frames before this one were read.
	// An error ends the connection. nil: there is nothing to do.
	beforeFrame func(next FrameKind) error
	// blocked is true while beforeFrame runs or the socket waits for memory. Nothing is read then, not even pongs.
	blocked atomic.Bool
}

// FrameKind is the kind of the next frame on a connection.
type FrameKind int

// The kinds of frames.
const (
	FrameNone    FrameKind = iota // nothing has arrived
	FrameData                     // a message, a part of a message, or a pong
	FrameBarrier                  // a ping or a close: the peer waits for the response
)

// The opcodes of frames with a response (RFC 6455 §5.5), and the bits of a frame's first two bytes.
const (
	opcodeClose = 0x8
	opcodePing  = 0x9
	opcodeBits  = 0x0f
	lengthBits  = 0x7f
	maskBit     = 0x80
	length16    = 126
	length64    = 127
)

// errAllowance ends a connection that sent too much before its caller was identified.
var errAllowance = errors.New("too much was sent before the caller was identified")

// Read returns bytes of at most one frame.
func (r *frameReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	if uint64(len(p)) > r.left {
		p = p[:r.left]
	}
	if r.limited {
		if p = p[:min(len(p), r.allowance)]; len(p) == 0 {
			return 0, errAllowance
		}
	}
	n, err := r.in.Read(p)
	r.allowance -= n
	r.left -= uint64(n) //nolint:gosec // n is not negative
	return n, err
}

// begin waits for the start of a frame.
func (r *frameReader) begin() error {
	if r.in.Buffered() == 0 {
		if err := r.before(FrameNone); err != nil {
			return err
		}
	}
	head, err := r.in.Peek(2)
	if err != nil {
		return err
	}
	kind := FrameData
	if op := head[0] & opcodeBits; op == opcodePing || op == opcodeClose {
		kind = FrameBarrier
	}
	if err := r.before(kind); err != nil {
		return err
	}
	r.left, err = r.size(head[1])
	return err
}

func (r *frameReader) before(kind FrameKind) error {
	if r.beforeFrame == nil {
		return nil
	}
	r.blocked.Store(true)
	defer r.blocked.Store(false)
	return r.beforeFrame(kind)
}

var errFrameSize = errors.New("a frame of more than 2^63 bytes")

// size returns the size of the frame that starts here, with its header, in bytes.
func (r *frameReader) size(second byte) (uint64, error) {
	header, length := 2, uint64(second&lengthBits)
	switch length {
	case length16:
		header += 2
	case length64:
		header += 8
	}
	head, err := r.in.Peek(header)
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
