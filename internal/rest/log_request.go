package rest

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// maxLoggedText is the size in bytes of the longest text of a client in a log line.
	maxLoggedText = 256
	// maxLoggedRejections is the number of rejected requests that are logged per second.
	maxLoggedRejections = 10
	// slowRequest is the duration from which on a request is logged at info level.
	slowRequest = time.Second
)

// requestOutcome is the result of a request.
type requestOutcome struct {
	resp  response
	began time.Time
	took  time.Duration
	err   error // the response was not sent
}

// level is debug for routine requests, and info for rejected, failed and slow ones. A
// 4xx that every client gets from an open route is routine.
func (o *requestOutcome) level(v *requestInfo) slog.Level {
	const clientError, serverError = http.StatusBadRequest, http.StatusInternalServerError
	rejected := v.failed || o.resp.status >= serverError || v.route == nil && o.resp.status >= clientError
	if rejected || o.err != nil || o.took >= slowRequest {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// logRequest writes the log line of a request.
func (s *Server) logRequest(r *http.Request, v *requestInfo, o requestOutcome) {
	level := o.level(v)
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	more, logged := s.sampled(v.rejected, o.began)
	if !logged {
		return
	}
	attrs := append(append(v.attrs(), more...),
		slog.String("method", truncateForLog(r.Method)), slog.String("path", truncateForLog(r.URL.Path)), slog.Int("status", o.resp.status),
		slog.Int("bytes", len(o.resp.body)), slog.Duration("took", o.took), slog.String("client", r.RemoteAddr))
	if o.err != nil {
		attrs = append(attrs, slog.String("notSent", o.err.Error()))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// truncateForLog truncates a text to maxLoggedText and marks it. A client without a
// token must not fill the log.
func truncateForLog(text string) string {
	if len(text) <= maxLoggedText {
		return text
	}
	end := maxLoggedText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// rejectionSampler limits the number of rejected requests in the log. A logged request
// has the number of unlogged ones before it. The metrics count all.
type rejectionSampler struct {
	mu      sync.Mutex
	began   time.Time // of the current second
	logged  int       // in this second
	omitted int       // since the last logged request
}

// sample reports whether to log a request that is rejected now, and how many were not
// logged before it.
func (s *rejectionSampler) sample(now time.Time) (omitted int, logged bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since := now.Sub(s.began); since >= time.Second || since < 0 {
		s.began, s.logged = now, 0
	}
	if s.logged == maxLoggedRejections {
		s.omitted++
		return 0, false
	}
	s.logged++
	omitted, s.omitted = s.omitted, 0
	return omitted, true
}

// sampled returns additional attributes of a log line, and whether the line is logged.
func (s *Server) sampled(rejected bool, now time.Time) (attrs []slog.Attr, logged bool) {
	if !rejected {
		return nil, true
	}
	omitted, logged := s.rejections.sample(now)
	if omitted > 0 {
		attrs = []slog.Attr{slog.Int("omitted", omitted)}
	}
	return attrs, logged
}
