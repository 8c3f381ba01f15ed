package rest

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

const (
	// maxLogBody is the size of the largest batch of log lines that is taken. The
	// SDK sends up to 4,000,000 characters, and one line more; a character has up
	// to four bytes.
	maxLogBody = 16 << 20
	// maxLargeBodies is how many requests may have a body beyond --rest-max-body-bytes
	// at once; others wait for them.
	maxLargeBodies = 4
	// drainedBytes and drainTimeout bound what is read, and not kept, of a body
	// that was not wanted, so that a client that sends first gets to read the answer.
	drainedBytes = 256 << 20
	drainTimeout = 10 * time.Second
)

// drainLimits are the limits on what is read of a body that is not wanted.
type drainLimits struct {
	bytes   int64
	timeout time.Duration
	cut     bool // of a body that is said to be longer, or does not say, nothing is read
}

// refuse tells that nothing of a body is read.
func (l drainLimits) refuse(r *http.Request) bool {
	return l.cut && (r.ContentLength < 0 || r.ContentLength > l.bytes)
}

// drainLimits returns what a caller may send in vain. One that is not identified
// gets its response as soon as it can be written.
func (s *Server) drainLimits(v *visit) drainLimits {
	if s.door == nil || v.known {
		return drainLimits{bytes: drainedBytes, timeout: drainTimeout}
	}
	return drainLimits{bytes: maxUnidentifiedBytes, timeout: s.options.Sockets.AuthTimeout, cut: true}
}

// readBody reads the body of a request of a route that takes one. A body that
// is said to be anything but JSON is the JSON string of its text (contract §1.1).
// done gives back the room that a large body takes.
func (s *Server) readBody(r *http.Request, rt *route) (body pyjson.Value, done func(), err error) {
	limit, done, err := s.roomFor(r, rt)
	if err != nil {
		return nullValue, done, err
	}
	raw, err := readAll(r, limit)
	switch {
	case err != nil:
		return nullValue, done, err
	case len(raw) == 0:
		return nullValue, done, nil
	case !saysJSON(r.Header.Get("Content-Type")):
		return textOf(raw), done, nil
	}
	value, fault := pyjson.Parse(raw)
	if fault != nil {
		return nullValue, done, &invalidError{items: []validate.Error{malformed(fault)}, body: textOf(raw)}
	}
	return value, done, nil
}

// roomFor is the size that a body may have. Large ones wait until there is room.
func (s *Server) roomFor(r *http.Request, rt *route) (limit int64, done func(), err error) {
	limit, done = max(s.options.MaxBodyBytes, rt.maxBody), func() {}
	if limit == s.options.MaxBodyBytes || (r.ContentLength >= 0 && r.ContentLength <= s.options.MaxBodyBytes) {
		return limit, done, nil
	}
	select {
	case s.largeBodies <- struct{}{}:
		return limit, func() { <-s.largeBodies }, nil
	case <-r.Context().Done():
		return limit, done, errBusy
	}
}

// readAll reads the text of a body within the bounds of size and time.
func readAll(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := detail(http.StatusRequestEntityTooLarge,
		"Request body is too large: it may have at most "+strconv.FormatInt(limit, 10)+" bytes.")
	if coding := codingOf(r); coding != "" && r.ContentLength != 0 {
		return nil, detail(http.StatusUnsupportedMediaType, "Content-Encoding "+strconv.Quote(coding)+
			" is not supported: send the body without compression and without the header Content-Encoding.")
	}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, detail(http.StatusRequestTimeout, "Request body did not arrive in time.")
	case err != nil:
		return nil, detail(http.StatusBadRequest, "There was an error parsing the body")
	case int64(len(raw)) > limit:
		return nil, tooLarge
	}
	return raw, nil
}

// codingOf returns what a body says it is compressed with, "" for nothing.
func codingOf(r *http.Request) string {
	for _, value := range r.Header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return coding
			}
		}
	}
	return ""
}

// drain reads what is left of a body before the answer is sent: a client that
// sends all of it first would find the connection broken, and not the answer. A
// client that waits to be told to go on sends nothing.
func drain(w http.ResponseWriter, r *http.Request, status int, limits drainLimits) {
	if r.Body == nil || r.ContentLength == 0 || status == http.StatusRequestTimeout || headerHas(r.Header, "Expect", "100-continue") {
		return
	}
	if limits.refuse(r) {
		w.Header().Set("Connection", "close")
		return
	}
	connection := http.NewResponseController(w)
	if status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close") // the client has to know that no more is taken
	}
	late := time.AfterFunc(limits.timeout, func() {
		_ = connection.SetReadDeadline(time.Unix(1, 0)) // not of every connection; then the server's own bound holds
	})
	defer late.Stop()
	if n, err := io.CopyN(io.Discard, r.Body, limits.bytes); err == nil && n == limits.bytes {
		w.Header().Set("Connection", "close")
	}
}
