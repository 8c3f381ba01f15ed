package ws

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// Subprotocol is the subprotocol that begins with an auth frame. Clients that do not offer it are older and send no
// auth frame (contract §1.6).
const Subprotocol = "prefect"

// MaxFrame is the maximum size of a frame, in bytes. It is that of Prefect's server.
const MaxFrame = 16 << 20

// AcceptOptions are the server's parameters of a socket.
type AcceptOptions struct {
	Options *Options
	Memory  Memory
	Log     *slog.Logger

	// Unidentified limits the bytes that are read until SetCaller is called to MaxUnidentifiedBytes.
	Unidentified bool
}

// Accept takes over the connection of a request and returns its socket, which lasts until End is called. It does not
// check the Origin. If the request is invalid, Accept has written the response.
func Accept(w http.ResponseWriter, r *http.Request, o *AcceptOptions) (*Socket, error) {
	frames := &frameReader{limited: o.Unidentified, allowance: MaxUnidentifiedBytes}
	writer := &frameWriter{}
	conn, err := websocket.Accept(&hijacker{ResponseWriter: w, frames: frames, writer: writer}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		InsecureSkipVerify: true, // the caller of Accept has checked the Origin
	})
	if err != nil {
		return nil, err
	}
	// The context of the request ends with the handler, so it does not apply after the connection is taken over.
	return newSocket(context.WithoutCancel(r.Context()), conn, frames, writer, o), nil
}

// IsUpgrade reports whether a request is for a websocket.
func IsUpgrade(r *http.Request) bool {
	return HeaderHas(r.Header, "Connection", "upgrade") && HeaderHas(r.Header, "Upgrade", "websocket")
}

// OffersHandshake reports whether a client offers the subprotocol.
func OffersHandshake(r *http.Request) bool {
	return HeaderHas(r.Header, "Sec-WebSocket-Protocol", Subprotocol)
}

// HeaderHas reports whether a list in the header contains the word, in any case.
func HeaderHas(h http.Header, key, word string) bool {
	for _, value := range h.Values(key) {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), word) {
				return true
			}
		}
	}
	return false
}

// hijacker is a ResponseWriter that inserts a frameReader and a frameWriter below the websocket when the connection is
// taken over.
type hijacker struct {
	http.ResponseWriter
	frames *frameReader
	writer *frameWriter
}

// Hijack takes over the connection. The frameReader reads bytes that the client has sent ahead.
func (w *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, both, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take the connection over: %w", err)
	}
	w.frames.Conn, w.frames.in, w.writer.conn = conn, both.Reader, conn
	return w.frames, bufio.NewReadWriter(bufio.NewReaderSize(w.frames, frameBuffer), bufio.NewWriterSize(w.writer, controlBuffer)), nil
}

const (
	// frameBuffer is the size of the buffer between the frameReader and the library, in bytes.
	frameBuffer = 512
	// controlBuffer is the size of the buffer between the library and the frameWriter, in bytes. It holds the largest
	// control frame (RFC 6455 §5.5), so that the library writes each in one call.
	controlBuffer = 256
)
