package rest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// unidentifiedListener accepts connections that have a place in a pool until a
// caller on them is identified.
type unidentifiedListener struct {
	net.Listener
	pool *unidentifiedPool
}

// Accept returns the next connection. It never waits for a place: an older
// connection of an unidentified caller is closed instead.
func (l *unidentifiedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	leave := l.pool.enter(addressOf(conn.RemoteAddr().String()), func() { _ = conn.Close() }) // its reader finds out
	return &unidentifiedConnection{Conn: conn, leave: leave}, nil
}

// unidentifiedConnection is a connection on which no caller may be identified yet.
type unidentifiedConnection struct {
	net.Conn
	leave func() // the pool
}

// Close closes the connection.
func (c *unidentifiedConnection) Close() error {
	c.leave()
	return c.Conn.Close()
}

// CloseWrite ends what is sent and lets the peer read it.
func (c *unidentifiedConnection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type connectionKey struct{}

// withConnection puts a connection into the context of its requests.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	if c, ok := conn.(*unidentifiedConnection); ok {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// leaveUnidentified takes the connection of a request out of the pool for good.
func leaveUnidentified(r *http.Request) {
	if c, ok := r.Context().Value(connectionKey{}).(*unidentifiedConnection); ok {
		c.leave()
	}
}
