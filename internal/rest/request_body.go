package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

const (
	// maxLogBody is the maximum size of a batch of log lines. The SDK sends up to 4,000,000 characters plus one line,
	// and a character has up to four bytes.
	maxLogBody = 16 << 20
	// maxSmallBody is the maximum body size of routes with a few fields, maxListBody of routes with a list of names or
	// ids.
	maxSmallBody = 16 << 10
	maxListBody  = 128 << 10
	// drainedBytes and drainTimeout limit the rest of a rejected body that is read and discarded. It is read so that a
	// client that sends the whole body first can read the response.
	drainedBytes = 256 << 20
	drainTimeout = 10 * time.Second
	// memoryWait is the maximum time that a body waits for memory.
	memoryWait = 5 * time.Second
)

// drainLimits limit the reading of an unwanted body.
type drainLimits struct {
	bytes      int64
	timeout    time.Duration
	skipLonger bool // do not read a body that is longer, or whose length is unknown
}

// skips reports whether the body is not read at all.
func (l drainLimits) skips(r *http.Request) bool {
	return l.skipLonger && (r.ContentLength < 0 || r.ContentLength > l.bytes)
}

// drainLimits returns the limits for the body of a rejected request. An unidentified caller gets its response at once.
func (s *Server) drainLimits(v *requestInfo) drainLimits {
	if s.reviewer == nil || v.known {
		return drainLimits{bytes: drainedBytes, timeout: drainTimeout}
	}
	return drainLimits{bytes: ws.MaxUnidentifiedBytes, timeout: s.options.Sockets.AuthTimeout, skipLonger: true}
}

// readBody reads the body of a request. A body whose type is not JSON becomes the JSON string of its text (contract
// §1.1). release returns the memory of the body.
func (s *Server) readBody(r *http.Request, rt *route, caller string) (body pyjson.Value, release func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), memoryWait)
	defer cancel()
	limit := rt.bodyLimit(s.options.MaxBodyBytes)
	if err := rejectBody(r, limit); err != nil {
		return pyjson.Value{}, func() {}, err
	}
	size := limit
	if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	release, err = s.memory.Arriving.Acquire(ctx, caller, size)
	if err != nil {
		return pyjson.Value{}, release, s.noMemory(err)
	}
	raw, err := readAll(r, limit)
	switch {
	case err != nil:
		return pyjson.Value{}, release, err
	case len(raw) == 0:
		return pyjson.Value{}, release, nil
	case !wire.IsJSON(r.Header.Get("Content-Type")):
		return wire.TextValue(raw), release, nil
	}
	defer release()
	return s.parseBody(r.Context(), raw, rt.valueLimit(s.options.MaxBodyValues), caller)
}

// parseBody parses a body when memory for its values is free.
func (s *Server) parseBody(ctx context.Context, raw []byte, limit int, caller string) (pyjson.Value, func(), error) {
	values := pyjson.CountValues(raw)
	if values > limit {
		invalid := &pyjson.SyntaxError{Msg: "Too many values: a body can have at most " + strconv.Itoa(limit) + ". Send several requests with fewer"}
		return pyjson.Value{}, func() {}, wire.NewMalformedError(invalid, pyjson.Value{}) // the body is not repeated
	}
	ctx, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	release, err := s.memory.Parsed.Acquire(ctx, caller, pyjson.ParsedBytes(raw, values))
	if err != nil {
		return pyjson.Value{}, release, s.noMemory(err)
	}
	value, invalid := pyjson.Parse(raw)
	if invalid != nil {
		return pyjson.Value{}, release, wire.NewMalformedError(invalid, wire.TextValue(raw))
	}
	return value, release, nil
}

// noMemory counts a request that is rejected because no memory is free.
func (s *Server) noMemory(err error) error {
	s.reject(limiter.ReasonMemory)
	return err
}

// rejectBody returns the error of a body that is rejected before it is read.
func rejectBody(r *http.Request, limit int64) error {
	if coding := codingOf(r); coding != "" && r.ContentLength != 0 {
		return wire.NewDetailError(http.StatusUnsupportedMediaType, "Content-Encoding "+strconv.Quote(coding)+
			" is not supported: send the body without compression and without the header Content-Encoding.")
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	return nil
}

func tooLarge(limit int64) error {
	return wire.NewDetailError(http.StatusRequestEntityTooLarge,
		"Request body is too large: it may have at most "+strconv.FormatInt(limit, 10)+" bytes.")
}

// readAll reads a body within the limits of size and time.
func readAll(r *http.Request, limit int64) ([]byte, error) {
	var raw bytes.Buffer
	if r.ContentLength > 0 {
		raw.Grow(int(r.ContentLength) + bytes.MinRead) // no more than the limit
	}
	_, err := raw.ReadFrom(io.LimitReader(r.Body, limit+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, wire.NewDetailError(http.StatusRequestTimeout, "Request body did not arrive in time.")
	case err != nil:
		return nil, wire.NewDetailError(http.StatusBadRequest, "There was an error parsing the body")
	case int64(raw.Len()) > limit:
		return nil, tooLarge(limit)
	}
	return raw.Bytes(), nil
}

// codingOf returns the content coding of a body, "" for none.
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

// drain reads the rest of a body before the response is sent. Otherwise a client that sends the whole body first would
// get a broken connection instead of the response. A client that waits for 100 Continue sends nothing.
func drain(w http.ResponseWriter, r *http.Request, status int, limits drainLimits) {
	if r.Body == nil || r.ContentLength == 0 || status == http.StatusRequestTimeout || ws.HeaderHas(r.Header, "Expect", "100-continue") {
		return
	}
	if limits.skips(r) {
		w.Header().Set("Connection", "close")
		return
	}
	connection := http.NewResponseController(w)
	if status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	late := time.AfterFunc(limits.timeout, func() {
		_ = connection.SetReadDeadline(time.Unix(1, 0)) // not every connection has one; then the timeout of the server applies
	})
	defer late.Stop()
	if n, err := io.CopyN(io.Discard, r.Body, limits.bytes); err == nil && n == limits.bytes {
		w.Header().Set("Connection", "close")
	}
}
