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
	o = AppendState(o.Member("state"), outcome.Run, outcome.State)
	o = o.Text("status", string(outcome.Status))
	return appendDetails(o.Member("details"), outcome).End()
}

func appendDetails(b []byte, outcome *flowrun.Outcome) pyjson.ObjectWriter {
	details := outcome.Status
	if outcome.InputRejected {
		details = orchestration.Abort
	}
	return wire.AppendVerdict(b, details, outcome.Reason, outcome.Delay)
}

// OutcomesBegin and OutcomesEnd stand around the outcomes of the proposals for many runs (flows contract §2.2).
const (
	OutcomesBegin = `{"results":[`
	OutcomesEnd   = "]}"
)

// AppendRunOutcome writes an outcome with the id of its run.
func AppendRunOutcome(b []byte, outcome flowrun.Outcome) []byte {
	o := pyjson.BeginObject(b).
		Text("flow_run_id", outcome.Run.ID).
		Text("status", string(outcome.Status))
	o = AppendState(o.Member("state"), outcome.Run, outcome.State)
	return appendDetails(o.Member("details"), &outcome).End()
}
