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
	o = appendDecision(o.Member("details"), d)
	return o.End()
}

// appendDecision writes the details of a decision.
func appendDecision(b []byte, d *orchestration.Decision) []byte {
	o := pyjson.BeginObject(b).Text("type", detailTypes[d.Status])
	if d.Status == orchestration.Wait {
		o = o.Int("delay_seconds", int64(d.Delay/time.Second))
	}
	if d.Status != orchestration.Accept {
		o = o.NonEmpty("reason", d.Reason)
	}
	return o.End()
}
