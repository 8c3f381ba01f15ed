package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Handler answers requests that come some other way than over Addr.
func (s *Server) Handler() http.Handler { return s.tracer.Handler(http.HandlerFunc(s.serve)) }

// labelOther stands in metrics for what clients make up.
const labelOther = "other"

// serve answers one request, logs it and counts it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	at := s.placeOf(r.URL.Path)
	if isUpgrade(r) && s.browsers.check(r, at.proxied) == nil {
		s.serveSocket(w, r, at)
		return
	}
	if s.ending.Load() {
		w.Header().Set("Connection", "close")
	}
	began := s.clock.Now()
	v := &visit{place: at, release: func() {}}
	answer := s.browsers.mark(s.answer(r, v), r, at.proxied)
	drain(w, r, answer.status, s.drainLimits(v))
	answer, release := s.holdAnswer(v, answer)
	err := answer.write(w, r)
	release()
	v.release()
	took := s.clock.Now().Sub(began)

	if v.route != nil {
		s.tracer.Routed(r.Context(), v.route.method, v.route.path)
	}
	s.logRequest(r, v, outcome{answer: answer, began: began, took: took, err: err})
	if s.metrics != nil {
		method, path := labelOther, labelOther
		if v.route != nil {
			method, path = v.route.method, v.route.path
		}
		s.metrics.RequestServed(method, path, answer.status, took)
	}
}

// holdAnswer takes the memory for a large answer until it is sent, or answers that
// there is none: a client that does not read keeps its own share only.
func (s *Server) holdAnswer(v *visit, answer response) (response, func()) {
	if len(answer.body) <= uncountedBytes || answer.gzipped {
		return answer, func() {}
	}
	release, ok := s.memory.responses.try(v.caller.Name, int64(len(answer.body)))
	if !ok {
		_ = s.noMemory(errMemory)
		answer, _ = answerTo(errMemory, nil, nil)
	}
	return answer, release
}

// visit is what is found out about a request on its way in.
type visit struct {
	place

	route    *route // nil: there is none
	rejected bool   // before its route could answer
	failed   bool   // the response tells of an error
	caller   identified
	known    bool // the caller is identified, or need not be
	// release returns the memory that the body takes; it is kept until the response
	// is sent, which can repeat it.
	release func()
	cause   error // why nobody could tell who he is or whether he may; not for him to know
}

// attrs are what a log line says of it.
func (v *visit) attrs() []slog.Attr {
	var attrs []slog.Attr
	if v.caller.Name != "" {
		attrs = append(attrs, slog.String("caller", v.caller.Name), slog.String("namespace", v.namespace))
	}
	if v.cause != nil {
		attrs = append(attrs, slog.String("cause", v.cause.Error()))
	}
	return attrs
}

// note keeps what lies behind a refusal for the log.
func (v *visit) note(err error) {
	if refused, ok := errors.AsType[*authn.Error](err); ok {
		v.cause = refused.Cause()
		return
	}
	if _, rejected := errors.AsType[*taskrun.RejectedError](err); rejected || errors.Is(err, taskrun.ErrUnavailable) {
		v.cause = err
	}
}

// answer lets a request in and its route answer.
func (s *Server) answer(r *http.Request, v *visit) response {
	if err := s.browsers.check(r, v.proxied); err != nil {
		v.rejected, v.failed = true, true
		answer, _ := answerTo(err, nil, nil)
		return answer
	}
	if isPreflight(r) {
		return s.browsers.preflight(r, v.proxied)
	}
	rt, parameter, err := v.router.find(r, v.base)
	leave, refused := s.admit(r, rt, v)
	defer leave()
	if refused == nil {
		refused = s.checkCSRF(r, rt, v.proxied)
	}
	v.rejected = refused != nil
	if err = cmp.Or(refused, err); err != nil { // also where there is no route
		v.note(err)
		v.failed = true
		answer, _ := answerTo(err, nil, nil)
		return answer
	}
	v.route = rt
	ctx, cancel := context.WithTimeout(taskrun.WithCaller(r.Context(), v.caller.Name), s.options.RequestTimeout)
	defer cancel()
	in := &request{ctx: ctx, caller: v.caller.Caller, base: v.base, parameter: parameter, query: r.URL.RawQuery, body: nullValue}
	answer, err := s.handle(r, v, in)
	if err != nil {
		v.note(err)
		v.failed = true
		var unexpected bool
		if answer, unexpected = answerTo(err, rt, in); unexpected {
			s.log.LogAttrs(ctx, slog.LevelError, "request failed",
				slog.String("method", truncateForLog(r.Method)), slog.String("path", truncateForLog(r.URL.Path)), slog.String("error", err.Error()))
		}
	}
	return answer
}

// admit lets a request in if there is room for it and its caller is known. Open
// routes have neither to wait nor to tell.
func (s *Server) admit(r *http.Request, rt *route, v *visit) (leave func(), err error) {
	if rt != nil && rt.open {
		return func() {}, nil
	}
	if v.caller, err = s.identifyWithin(r, v.place); err != nil {
		return func() {}, err
	}
	v.known = true
	leaveAll, ok := s.enter()
	if !ok {
		s.reject(busyServer)
		return func() {}, errBusy
	}
	leaveOwn, ok := s.admission.enterAs(v.caller.Name)
	if !ok {
		s.reject(busyCaller)
		return leaveAll, errBusy
	}
	return func() { leaveOwn(); leaveAll() }, nil
}

// enter counts a request in, if there is room for it.
func (s *Server) enter() (leave func(), ok bool) {
	out, ok := s.admission.enter()
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

// handle lets a route answer. The order of the checks is documented: a body
// that cannot be read is told before a bad version, all else after it
// (contract §5). Before all of them comes whether the caller may ask at all. A
// panic is an error like others.
func (s *Server) handle(r *http.Request, v *visit, in *request) (answer response, err error) {
	defer taskrun.Recover(&err)
	if err := s.authorize(in.ctx, in.caller, v.route, v.namespace); err != nil {
		return response{}, err
	}
	where, err := s.spaceFor(v.route, v.namespace)
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
