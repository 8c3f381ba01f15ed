package flowwire

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// RunSize is the usual size of a flow run in bytes.
const RunSize = 2560

// emptyObject is the JSON object without members.
var emptyObject = []byte("{}")

// AppendRun writes a flow run as it is at the time now (flows contract §3.2).
func AppendRun(b []byte, run *flowrun.Run, now time.Time) []byte {
	o := writeIdentity(pyjson.BeginObject(b), run)
	o = appendPolicy(o.Member("empirical_policy"), run)
	o = wire.AppendTexts(o.Member("tags"), run.Tags)
	o = wire.AppendLabels(o.Member("labels"), run.Labels)
	o = writeProgress(o.NonEmpty("parent_task_run_id", run.ParentTaskRunID), run, now)
	o = o.
		Bool("auto_scheduled", run.AutoScheduled).
		Null("infrastructure_document_id").
		TextOrNull("infrastructure_pid", run.InfrastructurePID)
	o = appendCreator(o.Member("created_by"), run.CreatedBy)
	o = o.
		Null("work_pool_id").
		Null("work_pool_name")
	o = AppendState(o.Member("state"), run, run.State)
	return o.Raw("job_variables", run.JobVariables).End()
}

// writeIdentity writes the members up to the context.
func writeIdentity(o pyjson.ObjectWriter, run *flowrun.Run) pyjson.ObjectWriter {
	o = o.
		Text("id", run.ID).
		Time("created", run.Created).
		Time("updated", run.Updated).
		Text("name", run.Name).
		Text("flow_id", run.FlowID)
	return stateMember(o, "state_id", run.State, func(s *orchestration.State) string { return s.ID }).
		NonEmpty("deployment_id", run.DeploymentID).
		TextOrNull("deployment_version", run.DeploymentVersion).
		Null("work_queue_id").
		TextOrNull("work_queue_name", run.WorkQueueName).
		TextOrNull("flow_version", run.FlowVersion).
		Raw("parameters", orEmptyObject(run.Parameters)).
		TextOrNull("idempotency_key", run.IdempotencyKey).
		Raw("context", orEmptyObject(run.Context))
}

// writeProgress writes what a run repeats of its state, its counter and its times.
func writeProgress(o pyjson.ObjectWriter, run *flowrun.Run, now time.Time) pyjson.ObjectWriter {
	o = stateMember(o, "state_type", run.State, func(s *orchestration.State) string { return string(s.Type) })
	o = stateMember(o, "state_name", run.State, func(s *orchestration.State) string { return s.Name })
	return o.
		Int("run_count", run.RunCount).
		TimeOrNull("expected_start_time", run.ExpectedStartTime).
		TimeOrNull("next_scheduled_start_time", run.NextScheduledStartTime).
		TimeOrNull("start_time", run.StartTime).
		TimeOrNull("end_time", run.EndTime).
		Seconds("total_run_time", run.TotalRunTime).
		Seconds("estimated_run_time", run.EstimatedRunTime(now)).
		Seconds("estimated_start_time_delta", run.EstimatedStartTimeDelta(now))
}

// stateMember writes a text of the state, null without a state.
func stateMember(o pyjson.ObjectWriter, key pyjson.Key, state *orchestration.State, text func(*orchestration.State) string) pyjson.ObjectWriter {
	if state == nil {
		return o.Null(key)
	}
	return o.Text(key, text(state))
}

// orEmptyObject returns the text of an object that is never null.
func orEmptyObject(text []byte) []byte {
	if len(text) == 0 {
		return emptyObject
	}
	return text
}

func appendCreator(b []byte, creator *flowrun.Creator) []byte {
	if creator == nil {
		return append(b, "null"...)
	}
	return pyjson.BeginObject(b).
		NonEmpty("id", creator.ID).
		NonEmpty("type", creator.Type).
		NonEmpty("display_value", creator.DisplayValue).
		End()
}

// AppendState writes a state of the flow run (flows contract §3.4). It writes null for a nil state.
func AppendState(b []byte, run *flowrun.Run, state *orchestration.State) []byte {
	if state == nil {
		return append(b, "null"...)
	}
	return wire.AppendStateOf(b, wire.StateOwner{FlowRunID: run.ID, TaskRunID: run.ParentTaskRunID}, state)
}
