package limiter

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// UnidentifiedPool limits the requests, sockets or connections of callers that are not identified yet, in total and per
// address. At the limit, the oldest entry of the address with the most entries ends. A caller that sends a
// token stays in the pool for milliseconds.
type UnidentifiedPool struct {
	max, maxPerAddress int

	mu        sync.Mutex
	all       int
	byAddress map[string][]*unidentifiedEntry // oldest first
}

// unidentifiedEntry is a request, socket or connection in the pool.
type unidentifiedEntry struct {
	address string
	end     func()
}

// NewUnidentifiedPool returns a pool of limit entries, of which one address has at most maxPerAddress.
func NewUnidentifiedPool(limit, maxPerAddress int) *UnidentifiedPool {
	return &UnidentifiedPool{max: limit, maxPerAddress: min(limit, maxPerAddress), byAddress: map[string][]*unidentifiedEntry{}}
}

// Enter adds an entry of an address. end is called at most once, from another goroutine, if the entry has to end for a new
// one. leave removes the entry and may be called more than once.
func (p *UnidentifiedPool) Enter(address string, end func()) (leave func()) {
	entry := &unidentifiedEntry{address, end}
	p.mu.Lock()
	defer p.mu.Unlock()
	if full := p.fullest(address); full != "" {
		evicted := p.byAddress[full][0]
		p.remove(evicted)
		go evicted.end()
	}
	p.byAddress[address] = append(p.byAddress[address], entry)
	p.all++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.remove(entry)
	}
}

// fullest returns the address whose oldest entry ends for a new one of the given address, or "" below the limits.
func (p *UnidentifiedPool) fullest(address string) (full string) {
	switch {
	case len(p.byAddress[address]) >= p.maxPerAddress:
		return address
	case p.all < p.max:
		return ""
	}
	most := 0
	for other, entries := range p.byAddress {
		if len(entries) > most {
			full, most = other, len(entries)
		}
	}
	return full
}

// remove removes an entry, if it is still in the pool.
func (p *UnidentifiedPool) remove(entry *unidentifiedEntry) {
	entries := p.byAddress[entry.address]
	at := slices.Index(entries, entry)
	if at < 0 {
		return
	}
	p.all--
	if entries = slices.Delete(entries, at, at+1); len(entries) == 0 {
		delete(p.byAddress, entry.address)
		return
	}
	p.byAddress[entry.address] = entries
}

// Len returns the number of entries.
func (p *UnidentifiedPool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

// AddressOf returns the address for which shares are counted. For IPv6 this is the /64 network, all of which one host
// can use.
func AddressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}

// Unidentified has the pools of connections, requests and websockets of unidentified callers.
type Unidentified struct {
	Connections, Requests, Sockets *UnidentifiedPool
}

// NewUnidentified returns three pools with the same limits.
func NewUnidentified(limit, maxPerAddress int) Unidentified {
	pool := func() *UnidentifiedPool { return NewUnidentifiedPool(limit, maxPerAddress) }
	return Unidentified{Connections: pool(), Requests: pool(), Sockets: pool()}
}

// unidentifiedListener accepts connections and keeps each in a pool until a caller on it is identified.
type unidentifiedListener struct {
	net.Listener
	pool *UnidentifiedPool
}

// Listen returns a listener. Its connections are in the pool of connections until a caller on them is identified.
func (u Unidentified) Listen(l net.Listener) net.Listener {
	return &unidentifiedListener{l, u.Connections}
}

// Accept returns the next connection. It does not wait for the pool: at the limit, an older connection of an
// unidentified caller is closed.
func (l *unidentifiedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	leave := l.pool.Enter(AddressOf(conn.RemoteAddr().String()), func() { _ = conn.Close() }) // its reader gets an error
	return &unidentifiedConnection{Conn: conn, leave: leave}, nil
}

// unidentifiedConnection is a connection that can be without an identified caller.
type unidentifiedConnection struct {
	net.Conn
	leave func() // removes the connection from the pool
}

// Close closes the connection.
func (c *unidentifiedConnection) Close() error {
	c.leave()
	return c.Conn.Close()
}

// CloseWrite closes the sending side of the connection. The peer can read what was sent.
func (c *unidentifiedConnection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type connectionKey struct{}

// WithConnection adds a connection to the context of its requests.
func WithConnection(ctx context.Context, conn net.Conn) context.Context {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	if c, ok := conn.(*unidentifiedConnection); ok {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// MarkIdentified removes the connection of a request from the pool.
func MarkIdentified(r *http.Request) {
	if c, ok := r.Context().Value(connectionKey{}).(*unidentifiedConnection); ok {
		c.leave()
	}
}
