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
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
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
	if p.socket.Handshake() {
		frame, err := p.socket.AuthFrame()
		if err != nil {
			return nil, release, err
		}
		if token, err = wire.DecodeAuth(frame); err != nil {
			return nil, release, ws.NewCloseError(websocket.StatusPolicyViolation, err.Error())
		}
	}
	if err := p.enter(shown, token); err != nil {
		return nil, release, err
	}
	where, release, err = p.open()
	if err != nil || !p.socket.Handshake() {
		return where, release, err
	}
	return where, release, p.socket.Send([]byte(`{"type":"auth_success"}`))
}

// open opens the namespace. That one is not served does not change: the client is
// told within the handshake, after which it does not try again.
func (p *admittance) open() (where *space, release func(), err error) {
	where, release, err = p.server.spaceFor(p.route, p.namespace)
	switch {
	case errors.Is(err, ErrNotServed):
		return nil, release, ws.NewCloseError(websocket.StatusPolicyViolation, textNotServed)
	case err != nil:
		return nil, release, ws.NewInternalError("opening the namespace", err)
	default:
		return where, release, nil
	}
}

func (p *admittance) enter(shown *identified, token pyjson.Value) error {
	s := p.server
	if s.door == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.socket.Life(), p.socket.options.AuthTimeout)
	defer cancel()
	if shown == nil {
		if !token.Truthy() {
			return ws.NewCloseError(websocket.StatusPolicyViolation, "Auth required but no token provided")
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
	p.socket.SetCaller(shown.Name)
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
	p.socket.SetCaller(caller.Name)
	return nil
}

// refusedSocket ends a socket whose caller has no permission, or cannot be reviewed
// now. Then the code lets it connect again; 1008 is the end for the SDK.
func refusedSocket(reason string, err error) error {
	if errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, authn.ErrForbidden) {
		return &ws.CloseError{Code: websocket.StatusPolicyViolation, Reason: reason, Cause: err}
	}
	return &ws.CloseError{Code: websocket.StatusTryAgainLater, Reason: http.StatusText(http.StatusServiceUnavailable), Cause: err}
}

// watch checks at intervals that the caller still has its permission, until
// stop is called.
func (p *admittance) watch() (stop func()) {
	if p.server.door == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(p.socket.Life())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.socket.Guard(func() { p.recheck(ctx) })
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
			p.socket.EndSettled(ctx, errAged)
			return
		case <-timer.C:
		}
		if err := p.look(ctx); err != nil {
			p.socket.End(err)
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
var errAged = ws.NewCloseError(websocket.StatusServiceRestart, "The caller has to be authenticated again")

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
		return ws.NewCloseError(websocket.StatusPolicyViolation, "Token expired")
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
		return &ws.CloseError{Code: websocket.StatusPolicyViolation, Reason: "Token is not good any more", Cause: err}
	}
	return nil
}
