package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// AppendOutcome writes an OrchestrationResult (flows contract §3.4).
func AppendOutcome(b []byte, outcome *flowrun.Outcome) []byte {
	o := pyjson.BeginObject(b)
	if outcome.State == nil {
		o = o.Null("state")
	} else {
		o = AppendState(o.Member("state"), outcome.Run, outcome.State)
	}
	o = o.Text("status", string(outcome.Status))
	details := outcome.Status
	if outcome.InputRejected {
		details = orchestration.Abort
	}
	o = wire.AppendVerdict(o.Member("details"), details, outcome.Reason, outcome.Delay)
	return o.End()
}
