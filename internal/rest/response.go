package rest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// Types of bodies.
const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// response is the response to a request.
type response struct {
	status   int
	body     []byte // nil: none
	mimeType string // "": JSON
	gzipped  bool   // the body is already compressed
	header   [][2]string
}

// with returns the response with another header.
func (a response) with(name, value string) response {
	a.header = append(a.header, [2]string{name, value})
	return a
}

// jsonBody returns a response with a JSON text.
func jsonBody(status int, text string) response {
	return response{status: status, body: append(make([]byte, 0, len(text)), text...)}
}

// jsonMember returns a response with an object of one text.
func jsonMember(status int, key, text string) response {
	return jsonMembers(status, [2]string{key, text})
}

// jsonMembers returns a response with an object of texts.
func jsonMembers(status int, members ...[2]string) response {
	return response{status: status, body: wire.AppendMembers(make([]byte, 0, wire.TextSize), members...)}
}

// minCompressed is the size of the smallest body that is compressed.
const minCompressed = 500

// compressors are reused, because they are expensive to create.
var compressors = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level exists
	}
	return w
}}

// write sends the response. An error means that the client has disconnected.
func (a response) write(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	for _, entry := range a.header {
		h.Set(entry[0], entry[1])
	}
	if len(a.body) > 0 || a.mimeType != "" {
		h.Set("Content-Type", a.contentType())
	}
	if len(a.body) >= minCompressed {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			return a.writeCompressed(w)
		}
	}
	if a.gzipped {
		return a.writeUnpacked(w)
	}
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return nil
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, err := w.Write(a.body)
	return err
}

func (a response) contentType() string {
	if a.mimeType == "" {
		return typeJSON
	}
	return a.mimeType
}

func (a response) writeCompressed(w http.ResponseWriter) error {
	w.Header().Set("Content-Encoding", "gzip")
	if a.gzipped {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if a.gzipped {
		_, err := w.Write(a.body)
		return err
	}
	z := compressors.Get().(*gzip.Writer) //nolint:errcheck,forcetypeassert // the pool has no other values
	defer func() {
		z.Reset(io.Discard) // does not retain w
		compressors.Put(z)
	}()
	z.Reset(w)
	if _, err := z.Write(a.body); err != nil {
		return err
	}
	return z.Close()
}

// writeUnpacked sends a compressed body to a client that does not accept compression.
func (a response) writeUnpacked(w http.ResponseWriter) error {
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		return err
	}
	w.WriteHeader(a.status)
	_, err = io.Copy(w, z) //nolint:gosec // the compressed body is our own
	return err
}

// acceptsGzip reports whether the client accepts gzip.
func acceptsGzip(values []string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			name, quality, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return !isZero(quality)
			}
		}
	}
	return false
}

// isZero reports whether the quality of a coding is 0, which means that it is not acceptable.
func isZero(quality string) bool {
	text, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(quality)), "q=")
	q, err := strconv.ParseFloat(text, 64)
	return ok && err == nil && q == 0
}
