package pyjson

import "time"

// AppendTime writes a time as in contract §2.0: with microseconds unless they
// are zero, and with Z for UTC, otherwise the offset.
func AppendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	micros := t.Nanosecond() / 1000
	if micros != 0 && t.Location() != time.UTC {
		if _, offset := t.Zone(); offset != 0 {
			b = t.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
			return append(b, '"')
		}
	}
	b = t.AppendFormat(b, time.RFC3339) // package time has a fast path for this format only
	if micros != 0 {
		b = appendFraction(b[:len(b)-len("Z")], micros)
		b = append(b, 'Z')
	}
	return append(b, '"')
}

// appendFraction writes microseconds as a fraction of a second.
func appendFraction(b []byte, micros int) []byte {
	b = append(b, ".000000"...)
	for i := len(b) - 1; micros > 0; i-- {
		b[i] += byte(micros % 10)
		micros /= 10
	}
	return b
}

// AppendSeconds writes a duration in seconds, with microseconds.
func AppendSeconds(b []byte, d time.Duration) []byte {
	if d == 0 {
		return append(b, "0.0"...)
	}
	return AppendFloat(b, float64(d.Microseconds())/1e6)
}
