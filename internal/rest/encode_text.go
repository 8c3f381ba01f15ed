package rest

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

func appendTextOrNull(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return pyjson.AppendText(b, *s)
}

// appendUnlessEmpty writes a text, null if it is empty.
func appendUnlessEmpty(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return pyjson.AppendText(b, s)
}

// appendRaw writes JSON text as it is, null if there is none.
func appendRaw(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, "null"...)
	}
	return append(b, text...)
}

func appendBoolOrNull(b []byte, v *bool) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return strconv.AppendBool(b, *v)
}
