package wire

import (
	"strconv"
	"time"

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

// appendTime writes a time as the contract's §2.0 has it: microseconds only if
// there are any, Z in UTC, else the offset.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	micros := t.Nanosecond() / 1000
	if _, offset := t.Zone(); offset != 0 && micros != 0 {
		b = t.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
		return append(b, '"')
	}
	b = t.AppendFormat(b, time.RFC3339) // the package is fast at this format only
	if micros != 0 {
		b = appendFraction(b[:len(b)-len("Z")], micros)
		b = append(b, 'Z')
	}
	return append(b, '"')
}

// appendFraction writes microseconds as the fraction of a second.
func appendFraction(b []byte, micros int) []byte {
	b = append(b, ".000000"...)
	for i := len(b) - 1; micros > 0; i-- {
		b[i] += byte(micros % 10)
		micros /= 10
	}
	return b
}

func appendTimeOrNull(b []byte, t *time.Time) []byte {
	if t == nil {
		return append(b, "null"...)
	}
	return appendTime(b, *t)
}

// appendSeconds writes a duration in seconds, with microseconds.
func appendSeconds(b []byte, d time.Duration) []byte {
	if d == 0 {
		return append(b, "0.0"...)
	}
	return pyjson.AppendFloat(b, float64(d.Microseconds())/1e6)
}
