package wire

import (
	"math"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// appendPolicy writes an empirical_policy (contract §2.4).
func appendPolicy(b []byte, p *taskrun.Policy) []byte {
	b = append(b, `{"max_retries":`...)
	b = appendNumber(b, p.MaxRetries, "0")
	b = append(b, `,"retry_delay_seconds":`...)
	b = appendDecimal(b, p.RetryDelaySeconds, "0.0")
	b = append(b, `,"retries":`...)
	b = appendNumber(b, p.Retries, "null")
	b = append(b, `,"retry_delay":`...)
	b = appendRetryDelay(b, p.RetryDelay)
	b = append(b, `,"retry_jitter_factor":`...)
	b = appendDecimal(b, p.RetryJitterFactor, "null")
	return append(b, '}')
}

func appendRetryDelay(b []byte, d *taskrun.RetryDelay) []byte {
	switch {
	case d == nil:
		return append(b, "null"...)
	case !d.List && len(d.Seconds) > 0:
		return appendNumber(b, d.Seconds[0], "null")
	}
	b = append(b, '[')
	for i, seconds := range d.Seconds {
		b = AppendComma(b, i)
		b = appendNumber(b, seconds, "null")
	}
	return append(b, ']')
}

// appendNumber writes the text of a number, or what an empty one stands for.
// One that JSON has not, such as Infinity, is null.
func appendNumber(b []byte, text, empty string) []byte {
	if text == "" {
		return append(b, empty...)
	}
	if last := text[len(text)-1]; last < '0' || last > '9' {
		return append(b, "null"...)
	}
	return append(b, text...)
}

// appendDecimal is appendNumber for a number that is always shown as a float.
func appendDecimal(b []byte, text, empty string) []byte {
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return pyjson.AppendFloat(b, f)
	}
	return appendNumber(b, text, empty)
}
