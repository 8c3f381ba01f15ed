package wire

import (
	"math"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// appendPolicy writes an empirical_policy (contract §2.4).
func appendPolicy(b []byte, p *taskrun.Policy) []byte {
	o := pyjson.BeginObject(b)
	o = AppendNumber(o.Member("max_retries"), p.MaxRetries, "0")
	o = AppendDecimal(o.Member("retry_delay_seconds"), p.RetryDelaySeconds, "0.0")
	o = AppendNumber(o.Member("retries"), p.Retries, "null")
	o = appendRetryDelay(o.Member("retry_delay"), p.RetryDelay)
	o = AppendDecimal(o.Member("retry_jitter_factor"), p.RetryJitterFactor, "null")
	return o.End()
}

func appendRetryDelay(b []byte, d *taskrun.RetryDelay) []byte {
	switch {
	case d == nil:
		return append(b, "null"...)
	case !d.List && len(d.Seconds) > 0:
		return AppendNumber(b, d.Seconds[0], "null")
	}
	return pyjson.AppendList(b, d.Seconds, func(b []byte, seconds string) []byte { return AppendNumber(b, seconds, "null") })
}

// AppendNumber writes the text of a number, or for an empty text the text empty. A number
// that JSON does not have, such as Infinity, is null.
func AppendNumber(b []byte, text, empty string) []byte {
	if text == "" {
		return append(b, empty...)
	}
	if last := text[len(text)-1]; last < '0' || last > '9' {
		return append(b, "null"...)
	}
	return append(b, text...)
}

// AppendDecimal is AppendNumber for a number that is always written as a float.
func AppendDecimal(b []byte, text, empty string) []byte {
	if text == "" {
		return append(b, empty...)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return pyjson.AppendFloat(b, f)
	}
	return AppendNumber(b, text, empty)
}
