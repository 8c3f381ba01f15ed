package wire

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// detailTypes are the documented types of the details of a verdict.
var detailTypes = map[orchestration.Status]string{
	orchestration.Accept: "accept_details",
	orchestration.Reject: "reject_details",
	orchestration.Abort:  "abort_details",
	orchestration.Wait:   "wait_details",
}

// AppendResult writes an OrchestrationResult (contract §2.8).
func AppendResult(b []byte, outcome *taskrun.Outcome) []byte {
	d := &outcome.Decision
	o := pyjson.BeginObject(b)
	o = AppendState(o.Member("state"), outcome.Run, outcome.State)
	o = o.Text("status", string(d.Status))
	o = AppendVerdict(o.Member("details"), d.Status, d.Reason, d.Delay)
	return o.End()
}

// AppendVerdict writes the details of a verdict. An empty reason is null. The delay is that of WAIT.
func AppendVerdict(b []byte, status orchestration.Status, reason string, delay time.Duration) []byte {
	o := pyjson.BeginObject(b).Text("type", detailTypes[status])
	if status == orchestration.Wait {
		o = o.Int("delay_seconds", int64(delay/time.Second))
	}
	if status != orchestration.Accept {
		o = o.NonEmpty("reason", reason)
	}
	return o.End()
}
