package ws

import (
	"encoding/binary"
	"iter"
	"math"
	"net"
	"sync"
	"time"
)

// The library makes one system call for a frame of a message, and more for a frame larger than its buffer. Many
// listeners get the same frames at the same time, and these calls are most of their cost. So the socket writes the
// frames of messages itself, and writes frames that are available at the same time in one call. The library writes
// control frames.

// frameWriter writes to the connection below a websocket. Each call writes whole frames.
type frameWriter struct {
	conn net.Conn

	mu     sync.Mutex
	closed bool // a close frame was written; no frame may follow it
}

const (
	// sendChunk is the number of bytes written in one call, if as many are available. A larger frame is written in one
	// call, too.
	sendChunk = 32 << 10
	// maxHeader is the maximum size of the header of a frame without a mask, in bytes.
	maxHeader = 10

	opcodeText = 0x1
	finalBit   = 0x80
)

// sendBuffers holds buffers for sendChunk bytes and a frame of typical size.
var sendBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 2*sendChunk)
	return &b
}}

// Write writes one control frame of the library, which has its own time limit.
func (w *frameWriter) Write(frame []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = w.closed || frame[0]&opcodeBits == opcodeClose
	if err := w.conn.SetWriteDeadline(time.Time{}); err != nil {
		return 0, err
	}
	return w.conn.Write(frame)
}

// writeTexts writes frames of texts. The peer must read the bytes of one call within the time limit.
func (w *frameWriter) writeTexts(texts iter.Seq[[]byte], limit time.Duration) error {
	buffer, _ := sendBuffers.Get().(*[]byte) // the pool has no other values
	b := (*buffer)[:0]
	defer func() {
		if cap(b) <= 2*sendChunk { // a buffer that has grown would stay as large
			*buffer = b
			sendBuffers.Put(buffer)
		}
	}()
	for text := range texts {
		if len(b) > 0 && len(b)+maxHeader+len(text) > sendChunk {
			if err := w.write(b, limit); err != nil {
				return err
			}
			b = b[:0]
		}
		b = append(appendTextHeader(b, len(text)), text...)
	}
	if len(b) == 0 {
		return nil
	}
	return w.write(b, limit)
}

func (w *frameWriter) write(frames []byte, limit time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return net.ErrClosed
	}
	//nolint:forbidigo // a time limit of a connection is a time of the machine's clock
	if err := w.conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, err := w.conn.Write(frames)
	return err
}

// appendTextHeader appends the header of a text frame of a server (RFC 6455 §5.2).
func appendTextHeader(b []byte, length int) []byte {
	switch {
	case length < length16:
		return append(b, finalBit|opcodeText, byte(length&lengthBits))
	case length <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, finalBit|opcodeText, length16), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(b, finalBit|opcodeText, length64), uint64(length))
	}
}
