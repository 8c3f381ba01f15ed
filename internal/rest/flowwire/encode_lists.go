package flowwire

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// AppendDeleted writes the ids of the flows or runs that were deleted (flows contract §2.2).
func AppendDeleted(b []byte, ids []string) []byte {
	o := pyjson.BeginObject(b)
	o = wire.AppendTexts(o.Member("deleted"), ids)
	return o.End()
}

// AppendLateness writes a mean in seconds, null for none.
func AppendLateness(b []byte, mean *float64) []byte {
	if mean == nil {
		return append(b, "null"...)
	}
	return pyjson.AppendFloat(b, *mean)
}

// AppendNextRun writes the next run of a flow, null for none, as a member of an object (flows contract §2.6).
func AppendNextRun(b []byte, flowID string, run *flowrun.Run) []byte {
	b = append(pyjson.AppendText(b, flowID), ':')
	if run == nil {
		return append(b, "null"...)
	}
	o := pyjson.BeginObject(b).Text("id", run.ID).Text("flow_id", run.FlowID).Text("name", run.Name).
		Text("state_name", run.State.Name).Text("state_type", string(run.State.Type))
	return o.TimeOrNull("next_scheduled_start_time", run.NextScheduledStartTime).End()
}

// AppendPoint writes what the dashboard of the Prefect UI shows of a run at the time now (flows contract §2.6).
func AppendPoint(b []byte, run *flowrun.Run, now time.Time) []byte {
	at := run.StartTime
	if at == nil {
		at = run.ExpectedStartTime
	}
	o := pyjson.BeginObject(b).Text("id", run.ID)
	return stateMember(o, "state_type", run.State, func(s *orchestration.State) string { return string(s.Type) }).
		TimeOrNull("timestamp", at).
		Seconds("duration", run.EstimatedRunTime(now)).
		Seconds("lateness", run.EstimatedStartTimeDelta(now)).
		End()
}
