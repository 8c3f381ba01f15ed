package rest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// socketAuth authorizes the caller of a websocket, at the start and at intervals.
type socketAuth struct {
	server    *Server
	socket    *socket
	route     *route
	namespace string
	slot      *limiter.SocketSlot

	token string // to review again; "": the API server has authenticated the caller
}

// identifyUpgrade identifies the caller of an upgrade by the request: the API server has authenticated the caller, or
// the request has a token. Clients older than the auth frame can be configured to send one. The result is nil if the
// request has neither.
func (s *Server) identifyUpgrade(r *http.Request, at target) (*identified, error) {
	if s.reviewer == nil || !at.proxied && r.Header.Get("Authorization") == "" {
		return nil, nil //nolint:nilnil // the request has neither
	}
	shown, err := s.identifyWithin(r, at)
	if err != nil {
		return nil, err
	}
	return &shown, nil
}

// authenticate does the handshake of the subprotocol (contract §1.6), and returns the handler of the namespace, which
// stays open until release is called. shown is the caller that was identified by the upgrade, or nil.
func (p *socketAuth) authenticate(shown *identified) (where *namespaceHandler, release func(), err error) {
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
	if err := p.authorize(shown, token); err != nil {
		return nil, release, err
	}
	where, release, err = p.open()
	if err != nil || !p.socket.Handshake() {
		return where, release, err
	}
	return where, release, p.socket.Send([]byte(`{"type":"auth_success"}`))
}

// open opens the namespace. A namespace that is not served will not be served later, so the client gets the error
// within the handshake, after which it does not reconnect.
func (p *socketAuth) open() (where *namespaceHandler, release func(), err error) {
	where, release, err = p.server.handlerFor(p.route, p.namespace)
	switch {
	case errors.Is(err, ErrNotServed):
		return nil, release, ws.NewCloseError(websocket.StatusPolicyViolation, textNotServed)
	case err != nil:
		return nil, release, ws.NewInternalError("opening the namespace", err)
	default:
		return where, release, nil
	}
}

func (p *socketAuth) authorize(shown *identified, token pyjson.Value) error {
	s := p.server
	if s.reviewer == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.socket.Life(), p.socket.options.AuthTimeout)
	defer cancel()
	if shown == nil {
		if !token.Truthy() {
			return ws.NewCloseError(websocket.StatusPolicyViolation, "Auth required but no token provided")
		}
		caller, err := s.reviewer.Authenticate(ctx, token.Text())
		if err != nil {
			s.countRejected(err)
			return newRejectedError("Invalid token", err)
		}
		shown = &identified{caller, token.Text()}
		if err := p.identified(caller); err != nil {
			return err
		}
	}
	if err := s.authorize(ctx, shown.Caller, p.route, p.namespace); err != nil {
		return newRejectedError("Invalid token", err)
	}
	p.socket.SetCaller(shown.Name)
	p.socket.caller, p.token = shown.Caller, shown.token
	return nil
}

// identified moves a caller from the pool of unidentified callers to its own slot.
func (p *socketAuth) identified(caller authn.Caller) error {
	if !p.slot.Acquire(caller.Name) {
		p.server.reject(limiter.ReasonServer)
		return errPoolFull
	}
	if p.slot.LeavePool != nil {
		p.slot.LeavePool()
	}
	p.socket.SetCaller(caller.Name)
	return nil
}

// newRejectedError returns the error for a caller that has no permission, or that cannot be reviewed now. In the
// second case the close code makes the client reconnect. After 1008 the SDK does not.
func newRejectedError(reason string, err error) error {
	if errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, authn.ErrForbidden) {
		return &ws.CloseError{Code: websocket.StatusPolicyViolation, Reason: reason, Cause: err}
	}
	return &ws.CloseError{Code: websocket.StatusTryAgainLater, Reason: http.StatusText(http.StatusServiceUnavailable), Cause: err}
}

// recheckRegularly checks the permission of the caller at intervals, until stop is called.
func (p *socketAuth) recheckRegularly() (stop func()) {
	if p.server.reviewer == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(p.socket.Life())
	var checking sync.WaitGroup
	checking.Go(func() { p.socket.Guard(func() { p.recheckUntil(ctx) }) })
	return func() { cancel(); checking.Wait() }
}

func (p *socketAuth) recheckUntil(ctx context.Context) {
	var aged <-chan time.Time
	if p.token == "" {
		timer := time.NewTimer(maxProxiedAge - rand.N(maxProxiedAge/10)) //nolint:gosec // spreads the ends over time
		defer timer.Stop()
		aged = timer.C
	}
	for {
		timer := time.NewTimer(p.untilNextCheck())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-aged:
			timer.Stop()
			p.socket.EndAfterExchange(ctx, errAged)
			return
		case <-timer.C:
		}
		if err := p.recheckOnce(ctx); err != nil {
			p.socket.End(err)
			return
		}
	}
}

// maxProxiedAge is the maximum age of a websocket through the Kubernetes API server. The socket has no token to review
// again, so only a new connection shows whether its caller still exists. It is not an option, because the time until a
// deleted account loses access is documented. Clients connect again without a loss.
const maxProxiedAge = time.Hour

// errAged ends a socket of that age. Clients reconnect.
var errAged = ws.NewCloseError(websocket.StatusServiceRestart, "The caller has to be authenticated again")

// untilNextCheck returns the time until the next check, which is at the expiration of the token at the latest.
func (p *socketAuth) untilNextCheck() time.Duration {
	wait := p.socket.options.RecheckInterval
	if until := p.socket.caller.Until; !until.IsZero() {
		wait = min(wait, max(0, until.Sub(p.server.clock.Now())))
	}
	return wait
}

// recheckOnce returns an error if the socket must end. While the API server cannot be reached, the socket stays open
// until its token expires.
func (p *socketAuth) recheckOnce(ctx context.Context) error {
	caller := p.socket.caller
	if until := caller.Until; !until.IsZero() && !p.server.clock.Now().Before(until) {
		return ws.NewCloseError(websocket.StatusPolicyViolation, "Token expired")
	}
	ctx, cancel := context.WithTimeout(ctx, p.socket.options.HelloTimeout)
	defer cancel()
	var err error
	if p.token != "" {
		_, err = p.server.reviewer.Authenticate(ctx, p.token)
	}
	if err == nil {
		err = p.server.authorize(ctx, caller, p.route, p.namespace)
	}
	if errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, authn.ErrForbidden) {
		return &ws.CloseError{Code: websocket.StatusPolicyViolation, Reason: "Token is not good any more", Cause: err}
	}
	return nil
}
