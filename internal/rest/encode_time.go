package rest

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// appendTime writes a time as the contract's §2.0 has it: microseconds only if
// there are any, Z in UTC, else the offset.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	if t.Nanosecond()/1000 == 0 {
		b = t.AppendFormat(b, "2006-01-02T15:04:05Z07:00")
	} else {
		b = t.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	}
	return append(b, '"')
}

func appendTimeOrNull(b []byte, t *time.Time) []byte {
	if t == nil {
		return append(b, "null"...)
	}
	return appendTime(b, *t)
}

// appendSeconds writes a duration in seconds, with microseconds.
func appendSeconds(b []byte, d time.Duration) []byte {
	return append(b, pyjson.Float(float64(d.Microseconds())/1e6)...)
}
