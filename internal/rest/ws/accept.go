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

// Subprotocol is the subprotocol that begins with an auth frame. Clients that do not offer it are older and send none
// (contract §1.6).
const Subprotocol = "prefect"

// MaxFrame is the size of the largest frame, in bytes. It is that of Prefect's server.
const MaxFrame = 16 << 20

// AcceptOptions are what a socket needs of its server.
type AcceptOptions struct {
	Options *Options
	Memory  Memory
	Log     *slog.Logger

	// Unidentified limits the bytes that are read until SetCaller is called to MaxUnidentifiedBytes.
	Unidentified bool
}

// Accept takes the connection of a request over and returns its socket, which lives until End is called. The Origin of
// the request is not checked. If the request is not valid, Accept has written the response.
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
	// The context of the request ends with the handler, and has no meaning after the connection was taken over.
	return newSocket(context.WithoutCancel(r.Context()), conn, frames, writer, o), nil
}

// IsUpgrade reports whether a request asks for a websocket.
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

// hijacker is a ResponseWriter that puts a frameReader and a frameWriter below the websocket when its connection is taken
// over.
type hijacker struct {
	http.ResponseWriter
	frames *frameReader
	writer *frameWriter
}

// Hijack takes the connection over. Bytes that the client has sent ahead are read by the frameReader.
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
	// controlBuffer is that of the buffer between the library and the frameWriter. It has room for the largest control
	// frame (RFC 6455 §5.5), so that the library writes each in one call.
	controlBuffer = 256
)
