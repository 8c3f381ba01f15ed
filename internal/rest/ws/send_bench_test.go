package ws

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// countingListener counts the write calls of its connections.
type countingListener struct {
	net.Listener
	calls *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn, l.calls}, err
}

type countingConn struct {
	net.Conn
	calls *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	c.calls.Add(1)
	return c.Conn.Write(p)
}

// eventSize is the usual size of the frame of an event, in bytes.
const eventSize = 1200

// BenchmarkSendAll sends batches of frames over loopback to a peer that discards them.
func BenchmarkSendAll(b *testing.B) {
	for _, frames := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("frames=%d", frames), func(b *testing.B) {
			socket, calls := serveSocket(b)
			texts := slices.Repeat([][]byte{make([]byte, eventSize)}, frames)
			before := calls.Load()
			b.ReportAllocs()
			for b.Loop() {
				if err := socket.SendAll(slices.Values(texts)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*frames), "ns/frame")
			b.ReportMetric(float64(calls.Load()-before)/float64(b.N), "calls/op")
		})
	}
}

// serveSocket returns a socket whose peer discards what it reads, and the counter of the write calls to its connection.
func serveSocket(b *testing.B) (*Socket, *atomic.Int64) {
	b.Helper()
	var calls atomic.Int64
	sockets := make(chan *Socket, 1)
	options := DefaultOptions()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := Accept(w, r, &AcceptOptions{Options: &options, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Error(err)
			return
		}
		sockets <- socket
	}))
	server.Listener = countingListener{server.Listener, &calls}
	server.Start()
	b.Cleanup(server.Close)
	var peer net.Conn
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		peer = conn
		return conn, err
	}}}
	_, response, err := websocket.Dial(b.Context(), server.URL, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		b.Fatal(err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	go func() { _, _ = io.Copy(io.Discard, peer) }()
	socket := <-sockets
	b.Cleanup(func() {
		_ = peer.Close()
		socket.End(ErrGone)
		<-socket.Closed()
	})
	return socket, &calls
}
