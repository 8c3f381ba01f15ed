package wire

import (
	"errors"
	"mime"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// nullValue is the JSON null. It also represents a missing body.
var nullValue pyjson.Value

// parsed parses JSON text that this package wrote.
func parsed(text []byte) pyjson.Value {
	value, _ := pyjson.Parse(text)
	return value
}

// TextValue returns the JSON string of a text. Invalid UTF-8 becomes U+FFFD.
func TextValue(raw []byte) pyjson.Value {
	return pyjson.StringValue(strings.ToValidUTF8(string(raw), "\ufffd"))
}

// inputAt returns the value at a path of a body, null if there is none.
func inputAt(body pyjson.Value, path []string) pyjson.Value {
	for _, key := range path {
		body, _ = body.Member(key) // null if there is none
	}
	return body
}

// isFrame reports whether a frame of a websocket has the type.
func isFrame(frame pyjson.Value, kind string) bool {
	value, _ := frame.Member("type")
	return value.Kind() == pyjson.String && value.Text() == kind
}

// IsJSON reports whether a content type is that of JSON. Without a content type, a body is JSON.
func IsJSON(contentType string) bool {
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
