package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
)

// Limits on what a caller costs before it is identified.
const ()

// unidentifiedPool limits the requests, sockets or connections of callers that are not identified yet, in total and per
// address. When no place is free, the oldest entry of the address with the most entries ends. A caller that sends a
// token stays in the pool for milliseconds.
type unidentifiedPool struct {
	most, mostEach int

	mu        sync.Mutex
	all       int
	byAddress map[string][]*unidentifiedEntry // oldest first
}

// unidentifiedEntry is one place in the pool.
type unidentifiedEntry struct {
	address string
	end     func()
}

func newUnidentifiedPool(most, mostEach int) *unidentifiedPool {
	return &unidentifiedPool{most: most, mostEach: min(most, mostEach), byAddress: map[string][]*unidentifiedEntry{}}
}

// enter takes a place for an address. end is called at most once, from another goroutine, if another caller needs the
// place. leave returns the place and may be called more than once.
func (p *unidentifiedPool) enter(address string, end func()) (leave func()) {
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

// fullest returns the address whose oldest entry ends for a new one of the given address, or "" if a place is free.
func (p *unidentifiedPool) fullest(address string) (full string) {
	switch {
	case len(p.byAddress[address]) >= p.mostEach:
		return address
	case p.all < p.most:
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
func (p *unidentifiedPool) remove(entry *unidentifiedEntry) {
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

// size returns the number of places that are taken.
func (p *unidentifiedPool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

// addressOf returns the address for which shares are counted. For IPv6 this is the /64 network, all of which one host
// can use.
func addressOf(remote string) string {
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

// unidentified has a pool for each kind of thing that is open for a caller before
// it is identified.
type unidentified struct {
	connections, requests, sockets *unidentifiedPool
}

func newUnidentified(most, mostEach int) unidentified {
	return unidentified{newUnidentifiedPool(most, mostEach), newUnidentifiedPool(most, mostEach), newUnidentifiedPool(most, mostEach)}
}

// identifyWithin identifies the caller of a request. The request has a place in the pool of the unidentified until
// then. If another request needs the place, the review of the token is canceled.
func (s *Server) identifyWithin(r *http.Request, at target) (identified, error) {
	if s.reviewer == nil {
		return identified{}, nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.unidentified.requests.enter(addressOf(r.RemoteAddr), cancel)()
	caller, err := s.identify(r.WithContext(ctx), at)
	if err == nil {
		leaveUnidentified(r)
	}
	s.countRejected(err)
	return caller, err
}

// countRejected counts a caller whose token was not reviewed because of too many bad tokens of its address.
func (s *Server) countRejected(err error) {
	if errors.Is(err, authn.ErrTooManyRejected) {
		s.reject(busyAddress)
	}
}

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
