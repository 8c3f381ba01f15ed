package rest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// admittance is what lets a websocket's peer in, and on.
type admittance struct {
	server    *Server
	socket    *socket
	route     *route
	namespace string
	seat      *socketSeat

	token string // "": there is none that could end
}

// shownAtUpgrade tells who asks for a websocket, if the request itself says so:
// the API server vouches for him, or he sends a token as over HTTP, which
// clients older than the auth frame can be told to. nil: the request says nothing.
func (s *Server) shownAtUpgrade(r *http.Request, at place) (*identified, error) {
	if s.door == nil || !at.proxied && r.Header.Get("Authorization") == "" {
		return nil, nil //nolint:nilnil // nothing is shown, nothing is wrong
	}
	shown, err := s.identifyWithin(r, at)
	if err != nil {
		return nil, err
	}
	return &shown, nil
}

// show goes through the handshake of the subprotocol (contract §1.6), and finds
// out whether the peer may have this conversation, and where, until it is released.
// shown is the caller that was identified before; nil: none was.
func (p *admittance) show(shown *identified) (where *space, release func(), err error) {
	release = func() {}
	var token pyjson.Value
	if p.socket.authed {
		frame, err := p.socket.authFrame()
		if err != nil {
			return nil, release, err
		}
		if !is(frame, "auth") {
			return nil, release, closed(websocket.StatusPolicyViolation, "Expected 'auth' message")
		}
		token, _ = frame.Member("token")
	}
	if err := p.enter(shown, token); err != nil {
		return nil, release, err
	}
	where, release, err = p.open()
	if err != nil || !p.socket.authed {
		return where, release, err
	}
	return where, release, p.socket.send([]byte(`{"type":"auth_success"}`))
}

// open opens the namespace. That one is not served does not change: the client is
// told within the handshake, after which it does not try again.
func (p *admittance) open() (where *space, release func(), err error) {
	where, release, err = p.server.spaceFor(p.route, p.namespace)
	switch {
	case errors.Is(err, ErrNotServed):
		return nil, release, closed(websocket.StatusPolicyViolation, textNotServed)
	case err != nil:
		return nil, release, failed("opening the namespace", err)
	default:
		return where, release, nil
	}
}

func (p *admittance) enter(shown *identified, token pyjson.Value) error {
	s := p.server
	if s.door == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.socket.life, p.socket.options.AuthTimeout)
	defer cancel()
	if shown == nil {
		if !token.Truthy() {
			return closed(websocket.StatusPolicyViolation, "Auth required but no token provided")
		}
		caller, err := s.door.Authenticate(ctx, token.Text())
		if err != nil {
			s.countRejected(err)
			return refusedSocket("Invalid token", err)
		}
		shown = &identified{caller, token.Text()}
		if err := p.identified(caller); err != nil {
			return err
		}
	}
	if err := s.authorize(ctx, shown.Caller, p.route, p.namespace); err != nil {
		return refusedSocket("Invalid token", err)
	}
	p.socket.caller, p.token = shown.Caller, shown.token
	return nil
}

// identified lets a caller leave the pool of the unidentified and take a place.
func (p *admittance) identified(caller authn.Caller) error {
	if !p.seat.take(caller.Name) {
		p.server.reject(busyServer)
		return errCrowded
	}
	if p.seat.identified != nil {
		p.seat.identified()
	}
	p.socket.gate.limited = false
	return nil
}

// refusedSocket ends a socket whose caller has no permission, or cannot be reviewed
// now. Then the code lets it connect again; 1008 is the end for the SDK.
func refusedSocket(reason string, err error) error {
	if errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, authn.ErrForbidden) {
		return &closing{code: websocket.StatusPolicyViolation, reason: reason, cause: err}
	}
	return &closing{code: websocket.StatusTryAgainLater, reason: http.StatusText(http.StatusServiceUnavailable), cause: err}
}

// watch checks at intervals that the caller still has its permission, until
// stop is called.
func (p *admittance) watch() (stop func()) {
	if p.server.door == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(p.socket.life)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.socket.guard(func() { p.recheck(ctx) })
	}()
	return func() { cancel(); <-ended }
}

func (p *admittance) recheck(ctx context.Context) {
	var aged <-chan time.Time
	if p.token == "" {
		timer := time.NewTimer(maxProxiedAge - rand.N(maxProxiedAge/10)) //nolint:gosec // so that not all end at once
		defer timer.Stop()
		aged = timer.C
	}
	for {
		timer := time.NewTimer(p.untilNextLook())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-aged:
			timer.Stop()
			p.socket.endSettled(ctx, errAged)
			return
		case <-timer.C:
		}
		if err := p.look(ctx); err != nil {
			p.socket.end(err)
			return
		}
	}
}

// maxProxiedAge is the age that a websocket through the Kubernetes API server reaches
// at most. It has no token to be reviewed again, so only a new connection shows
// whether its caller still exists. It is no option: it is part of what is promised
// about deleted accounts, and clients connect again without a loss.
const maxProxiedAge = time.Hour

// errAged ends such a websocket. Clients come again.
var errAged = closed(websocket.StatusServiceRestart, "The caller has to be authenticated again")

// untilNextLook is at most until the token ends.
func (p *admittance) untilNextLook() time.Duration {
	wait := p.socket.options.RecheckInterval
	if until := p.socket.caller.Until; !until.IsZero() {
		wait = min(wait, max(0, until.Sub(p.server.clock.Now())))
	}
	return wait
}

// look returns an error if the socket must end. While the API server cannot be
// reached, it stays open until its token expires.
func (p *admittance) look(ctx context.Context) error {
	caller := p.socket.caller
	if until := caller.Until; !until.IsZero() && !p.server.clock.Now().Before(until) {
		return closed(websocket.StatusPolicyViolation, "Token expired")
	}
	ctx, cancel := context.WithTimeout(ctx, p.socket.options.HelloTimeout)
	defer cancel()
	var err error
	if p.token != "" {
		_, err = p.server.door.Authenticate(ctx, p.token)
	}
	if err == nil {
		err = p.server.authorize(ctx, caller, p.route, p.namespace)
	}
	if errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, authn.ErrForbidden) {
		return &closing{code: websocket.StatusPolicyViolation, reason: "Token is not good any more", cause: err}
	}
	return nil
}
