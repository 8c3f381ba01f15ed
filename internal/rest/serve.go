package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Handler returns the handler of all requests. It does not listen.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// labelOther is the metric label of paths and methods that no route has.
const labelOther = "other"

// serve identifies the caller of a request before its trace begins: only the trace header of an identified caller is
// used.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(authn.WithAddress(r.Context(), limiter.AddressOf(r.RemoteAddr)))
	at := s.targetOf(r.URL.Path)
	page := s.pages.Check(r, at.proxied)
	if ws.IsUpgrade(r) && page == nil {
		s.serveSocket(w, r, at) //nolint:contextcheck // the context is that of the socket
		return
	}
	v := &requestInfo{target: at, began: s.clock.Now(), release: func() {}, rejection: page}
	if v.rejection == nil && !crossorigin.IsPreflight(r) {
		s.identifyFor(r, v)
	}
	ctx := context.WithValue(r.Context(), requestInfoKey{}, v)
	if v.known || s.reviewer == nil && v.rejection == nil {
		ctx = s.tracer.Trust(ctx)
	}
	s.traced.ServeHTTP(w, r.WithContext(ctx)) //nolint:contextcheck // it is the request's
}

// identifyFor finds the route of a request, and identifies the caller unless the route is open.
func (s *Server) identifyFor(r *http.Request, v *requestInfo) {
	v.found, v.values, v.noRoute = v.router.find(r, v.target)
	if v.found != nil && v.found.open {
		return
	}
	if v.caller, v.rejection = s.identifyWithin(r, v.target); v.rejection == nil {
		v.known = true
	}
}

// respond responds to one request, logs it and counts it.
func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	v, ok := r.Context().Value(requestInfoKey{}).(*requestInfo)
	if !ok {
		return // serve has responded
	}
	if s.ending.Load() {
		w.Header().Set("Connection", "close")
	}
	v.memory = &responseMemory{server: s}
	defer v.memory.release()
	resp := s.dispatch(r, v)
	resp.header = append(resp.header, s.pages.ResponseHeader(r, v.proxied)...)
	drain(w, r, resp.status, s.drainLimits(v))
	resp = s.reserveResponse(v, resp)
	err := resp.write(w, r)
	v.memory.release()
	v.release()
	took := s.clock.Now().Sub(v.began)

	if v.route != nil {
		s.tracer.Routed(r.Context(), v.route.method, v.route.path)
	}
	s.logRequest(r, v, requestOutcome{resp: resp, began: v.began, took: took, err: err})
	s.count(v, resp.status, took)
}

func (s *Server) count(v *requestInfo, status int, took time.Duration) {
	if s.metrics == nil {
		return
	}
	method, path := labelOther, labelOther
	if v.route != nil {
		method, path = v.route.method, v.route.path
	}
	s.metrics.RequestServed(method, path, status, took)
}

// reserveResponse reserves the memory for a large response until it is sent, unless the handler has reserved it.
// Without free memory the response is an error. A client that does not read its response uses only its own share.
func (s *Server) reserveResponse(v *requestInfo, resp response) response {
	if resp.gzipped {
		return resp
	}
	v.memory.caller = v.caller.Name
	if err := v.memory.fit(len(resp.body)); err != nil {
		resp, _ = errorResponse(err, nil, nil)
	}
	return resp
}

type requestInfoKey struct{}

// requestInfo is the known data of one request.
type requestInfo struct {
	target

	began     time.Time
	found     *route     // by the path; nil: noRoute is the reason
	values    pathValues // of the parameters in the path
	noRoute   error
	rejection error  // of the page or the caller, before the route is called
	route     *route // the called route; nil: none
	rejected  bool   // before the route is called
	failed    bool   // the response is an error
	caller    identified
	known     bool // the caller is identified, or the route is open
	// release returns the memory of the body. It is kept until the response is sent, which can repeat the body.
	release func()
	memory  *responseMemory // of the response, until it is sent
	cause   error           // of a failed review, for the log only
}

// request is the part of a request that handlers use.
type request struct {
	ctx       context.Context //nolint:containedctx // has the lifetime of the request
	caller    authn.Caller    // without a name: no authentication
	base      string          // part of the path before the route
	slashes   int             // at the end of the path that are not part of the route
	parameter string          // in the path: an id in lower case with hyphens, or a name
	key       string          // the second parameter in the path
	query     string          // as it came
	header    http.Header
	body      pyjson.Value    // null: there is none
	memory    *responseMemory // of the response
}

// attrs returns the log attributes of the request.
func (v *requestInfo) attrs() []slog.Attr {
	var attrs []slog.Attr
	if v.caller.Name != "" {
		attrs = append(attrs, slog.String("caller", v.caller.Name), slog.String("namespace", v.namespace))
	}
	if v.cause != nil {
		attrs = append(attrs, slog.String("cause", v.cause.Error()))
	}
	return attrs
}

// note keeps the cause of an error for the log.
func (v *requestInfo) note(err error) {
	if rejected, ok := errors.AsType[*authn.Error](err); ok {
		v.cause = rejected.Cause()
		return
	}
	if _, rejected := errors.AsType[*taskrun.RejectedError](err); rejected || errors.Is(err, taskrun.ErrUnavailable) {
		v.cause = err
	}
}

// dispatch admits a request and returns the response of its route.
func (s *Server) dispatch(r *http.Request, v *requestInfo) response {
	if v.rejection == nil && crossorigin.IsPreflight(r) {
		p := s.pages.Preflight(r, v.proxied)
		return response{status: p.Status, body: []byte(p.Text), mimeType: typeText, header: p.Header}
	}
	leave, rejected := s.admit(r, v)
	defer leave()
	v.rejected = rejected != nil
	if err := cmp.Or(rejected, v.noRoute); err != nil { // also without a route
		v.note(err)
		v.failed = true
		resp, _ := errorResponse(err, nil, nil)
		return resp
	}
	v.route, v.memory.caller = v.found, v.caller.Name
	ctx, cancel := context.WithTimeout(taskrun.WithCaller(r.Context(), v.caller.Name), s.options.RequestTimeout)
	defer cancel()
	in := &request{
		ctx: ctx, caller: v.caller.Caller, base: v.base, slashes: slashesBeyond(r.URL.Path, v.route.path),
		parameter: v.values[0], key: v.values[1], query: r.URL.RawQuery, header: r.Header, memory: v.memory,
	}
	resp, err := s.handle(r, v, in)
	if err != nil {
		v.note(err)
		v.failed = true
		var unexpected bool
		if resp, unexpected = errorResponse(err, v.route, in); unexpected {
			s.log.LogAttrs(ctx, slog.LevelError, "request failed",
				slog.String("method", truncateForLog(r.Method)), slog.String("path", truncateForLog(r.URL.Path)), slog.String("error", err.Error()))
		}
	}
	return resp
}

// admit returns an error if the caller or the page of a request is rejected, or if too many requests are in flight.
// Requests to open routes are not counted.
func (s *Server) admit(r *http.Request, v *requestInfo) (leave func(), err error) {
	leave = func() {}
	if v.rejection != nil {
		return leave, v.rejection
	}
	if v.found == nil || !v.found.open {
		if leave, err = s.enterAs(v.caller.Name); err != nil {
			return leave, err
		}
	}
	return leave, s.checkCSRF(r, v.found, v.proxied)
}

// checkCSRF rejects a request that changes something without a valid token, and a page of another origin that requests
// a token.
func (s *Server) checkCSRF(r *http.Request, rt *route, proxied bool) error {
	if rt != nil && rt.givesToken {
		return s.pages.CheckToken(r, proxied)
	}
	return s.tokens.Check(r, s.now())
}

// enterAs counts a request of a caller. It returns errBusy if too many are in flight.
func (s *Server) enterAs(caller string) (leave func(), err error) {
	leaveAll, ok := s.enter()
	if !ok {
		s.reject(limiter.ReasonServer)
		return func() {}, limiter.ErrBusy
	}
	leaveOwn, ok := s.admission.EnterAs(caller)
	if !ok {
		s.reject(limiter.ReasonCaller)
		return leaveAll, limiter.ErrBusy
	}
	return func() { leaveOwn(); leaveAll() }, nil
}

// enter counts a request. ok is false if too many are in flight.
func (s *Server) enter() (leave func(), ok bool) {
	out, ok := s.admission.Enter()
	if !ok || s.metrics == nil {
		return out, ok
	}
	s.metrics.RequestBegan()
	return func() {
		s.metrics.RequestEnded()
		out()
	}, true
}

func (s *Server) reject(reason string) {
	if s.metrics != nil {
		s.metrics.RequestRejected(reason)
	}
}

// handle calls the handler of a route. The order of the checks is documented (contract §5): permission, body, version
// of the client. A panic is an error.
func (s *Server) handle(r *http.Request, v *requestInfo, in *request) (resp response, err error) {
	defer panics.Recover(&err)
	if err := s.authorize(in.ctx, in.caller, v.route, v.namespace); err != nil {
		return response{}, err
	}
	in.ctx = s.withCreateCheck(in.ctx, in.caller, v.route.resource, v.namespace)
	where, release, err := s.handlerFor(v.route, v.namespace)
	defer release()
	if err != nil {
		return response{}, err
	}
	if v.route.body {
		body, release, err := s.readBody(r.WithContext(in.ctx), v.route, v.caller.Name)
		v.release = release
		if err != nil {
			return response{}, err
		}
		in.body = body
	}
	if !v.route.anyVersion {
		if err := checkAPIVersion(r.Header); err != nil {
			return response{}, err
		}
	}
	return v.route.handle(where, in)
}
