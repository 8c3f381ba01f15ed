package flowwire

import (
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// appendPolicy writes the empirical_policy of a run (flows contract §3.3).
func appendPolicy(b []byte, run *flowrun.Run) []byte {
	p := &run.Policy
	o := pyjson.BeginObject(b)
	o = wire.AppendNumber(o.Member("max_retries"), p.MaxRetries, "0")
	o = wire.AppendDecimal(o.Member("retry_delay_seconds"), p.RetryDelaySeconds, "0.0")
	o = appendInt(o.Member("retries"), p.Retries)
	o = appendInt(o.Member("retry_delay"), p.RetryDelay)
	o = wire.AppendTexts(o.Member("pause_keys"), run.PauseKeys)
	o = o.
		Bool("resuming", run.Resuming).
		NonEmpty("retry_type", string(run.RetryType))
	return o.End()
}

// appendInt writes an integer, null for a nil one.
func appendInt(b []byte, n *int64) []byte {
	if n == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, *n, 10)
}
