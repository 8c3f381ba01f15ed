package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// request is what a handler gets to see of one.
type request struct {
	ctx       context.Context //nolint:containedctx // lives as long as the request
	caller    authn.Caller    // who sent it; no name: nobody was asked
	base      string          // what comes before the route in the path
	parameter string          // in the path: an id in lower case with hyphens, or a name
	query     string          // as it came
	body      pyjson.Value    // null: there is none
}

// readBody reads the body of a request of a route that takes one. A body that
// is said to be anything but JSON is the JSON string of its text (contract §1.1).
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (pyjson.Value, error) {
	raw, err := s.readAll(w, r)
	if err != nil {
		return nullValue, err
	}
	if len(raw) == 0 {
		return nullValue, nil
	}
	if !saysJSON(r.Header.Get("Content-Type")) {
		return textOf(raw), nil
	}
	value, fault := pyjson.Parse(raw)
	if fault != nil {
		return nullValue, &invalidError{items: []validate.Error{malformed(fault)}, body: textOf(raw)}
	}
	return value, nil
}

// readAll reads the text of a body within the bounds of size and time.
func (s *Server) readAll(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.options.MaxBodyBytes
	tooLarge := detail(http.StatusRequestEntityTooLarge,
		"Request body is too large: it may have at most "+strconv.FormatInt(limit, 10)+" bytes.")
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // the body is not read
		return nil, tooLarge
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var overrun *http.MaxBytesError
	switch {
	case errors.As(err, &overrun):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, detail(http.StatusRequestTimeout, "Request body did not arrive in time.")
	case err != nil:
		return nil, detail(http.StatusBadRequest, "There was an error parsing the body")
	}
	return raw, nil
}

// saysJSON reads a content type; none at all stands for JSON.
func saysJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	subtype, ok := strings.CutPrefix(kind, "application/")
	return ok && (subtype == "json" || strings.HasSuffix(subtype, "+json"))
}
