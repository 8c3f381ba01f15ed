package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Handler answers requests that come some other way than over Addr.
func (s *Server) Handler() http.Handler { return s.tracer.Handler(http.HandlerFunc(s.serve)) }

// labelOther stands in metrics for what clients make up.
const labelOther = "other"

// serve answers one request, logs it and counts it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if isUpgrade(r) {
		s.serveSocket(w, r)
		return
	}
	began := s.clock.Now()
	rt, answer := s.answer(w, r)
	err := answer.write(w, r)
	took := s.clock.Now().Sub(began)

	if rt != nil {
		s.tracer.Routed(r.Context(), rt.method, rt.path)
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", answer.status),
		slog.Int("bytes", len(answer.body)), slog.Duration("took", took), slog.String("client", r.RemoteAddr),
	}
	if err != nil {
		attrs = append(attrs, slog.String("notSent", err.Error()))
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
	if s.metrics != nil {
		method, path := labelOther, labelOther
		if rt != nil {
			method, path = rt.method, rt.path
		}
		s.metrics.RequestServed(method, path, answer.status, took)
	}
}

// answer finds the route of a request and lets it answer; route is nil if there
// is none.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) (*route, response) {
	if isPreflight(r) {
		return nil, preflight(r)
	}
	rt, parameter, err := s.router.find(r)
	if fault := s.checkCSRF(r); fault != nil {
		rt, err = nil, fault // also where there is no route
	}
	if err != nil {
		answer, _ := answerTo(err, nil, nil)
		return nil, answer
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.RequestTimeout)
	defer cancel()
	in := &request{ctx: ctx, parameter: parameter, query: r.URL.RawQuery, body: nullValue}
	answer, err := s.handle(w, r, rt, in)
	if err != nil {
		var unexpected bool
		if answer, unexpected = answerTo(err, rt, in); unexpected {
			s.log.LogAttrs(ctx, slog.LevelError, "request failed",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("error", err.Error()))
		}
	}
	return rt, answer
}

// handle lets a route answer. The order of the checks is documented: a body
// that cannot be read is told before a bad version, all else after it
// (contract §5). A panic is an error like others.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, rt *route, in *request) (answer response, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	if rt.body {
		if in.body, err = s.readBody(w, r); err != nil {
			return response{}, err
		}
	}
	if !rt.anyVersion {
		if err := checkAPIVersion(r.Header); err != nil {
			return response{}, err
		}
	}
	return rt.handle(s, in)
}
