package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxFollows is the maximum time between two events of which one follows the other (contract §4.3).
const maxFollows = 5 * time.Minute

// resourceLabels are the labels of a resource, in the order of the wire.
type resourceLabels [][2]string

func (l resourceLabels) value(key string) string {
	for _, label := range l {
		if label[0] == key {
			return label[1]
		}
	}
	return ""
}

func appendResource(b []byte, l resourceLabels) []byte { return AppendMembers(b, l...) }

// resourceOf returns the run of a change as the resource of an event (contract §4.3).
func resourceOf(c *taskrun.Change) resourceLabels {
	orchestrated := orchestrationServer
	if c.Reported {
		orchestrated = orchestrationClient
	}
	labels := stateLabels(resourceTaskRun+c.Run.ID, c.Run.Name, c.Run.RunCount, c.State)
	return append(labels, [2]string{labelOrchestration, orchestrated})
}

// stateLabels returns the labels of a run that has entered a state.
func stateLabels(id, name string, runCount int64, state *orchestration.State) resourceLabels {
	const labelsOfARun = 8
	at := pyjson.AppendTime(nil, state.Timestamp.UTC())
	return append(make(resourceLabels, 0, labelsOfARun), resourceLabels{
		{labelResourceID, id},
		{labelResourceName, name},
		{"prefect.run-count", strconv.FormatInt(runCount, 10)},
		{"prefect.state-message", messageOf(state)},
		{"prefect.state-name", state.Name},
		{"prefect.state-timestamp", string(at[1 : len(at)-1])},
		{"prefect.state-type", string(state.Type)},
	}...)
}

// relatedTo returns the related resources of a change: the flow run, if there is one.
func relatedTo(c *taskrun.Change) []resourceLabels {
	if c.Run.FlowRunID == "" {
		return nil
	}
	return []resourceLabels{{{labelResourceID, resourceFlowRun + c.Run.FlowRunID}, {labelResourceRole, roleFlowRun}}}
}

// messageOf returns the message of a state. In events, an empty message is null.
func messageOf(s *orchestration.State) string {
	if s.Message == nil {
		return ""
	}
	return *s.Message
}

// beginEvent begins the frame of an event, and the event in it.
func beginEvent(b []byte) pyjson.ObjectWriter {
	return pyjson.BeginObject(pyjson.BeginObject(b).Text("type", "event").Member("event"))
}

// AppendEventFrame writes a change as the frame of an event (contract §4.5, A.3).
func AppendEventFrame(b []byte, c *taskrun.Change) []byte {
	o := beginEvent(b).
		Time("occurred", c.State.Timestamp.UTC()).
		Text("event", eventTaskRun+"."+c.State.Name)
	o = appendResource(o.Member("resource"), resourceOf(c))
	o = pyjson.AppendList(o.Member("related"), relatedTo(c), appendResource)
	o = appendPayload(o.Member("payload"), c)
	o = o.
		Text("id", c.State.ID).
		NonEmpty("follows", followed(c.State, c.Previous))
	return AppendEventEnd(o, c.Received)
}

// followed returns the id of the previous event, unless it is too long ago.
func followed(state, previous *orchestration.State) string {
	if previous == nil || state.Timestamp.Sub(previous.Timestamp).Abs() >= maxFollows {
		return ""
	}
	return previous.ID
}

func appendPayload(b []byte, c *taskrun.Change) []byte {
	o := pyjson.BeginObject(b)
	o = appendIntended(o.Member("intended"), c.State, c.Previous)
	if c.Previous == nil {
		o = o.Null("initial_state")
	} else {
		o = beginEventState(o.Member("initial_state"), c.Previous).End()
	}
	o = beginEventState(o.Member("validated_state"), c.State).Raw("data", c.State.Data).End()
	o = appendEventRun(o.Member("task_run"), c.Run)
	return o.End()
}

func appendIntended(b []byte, state, previous *orchestration.State) []byte {
	o := pyjson.BeginObject(b)
	if previous == nil {
		o = o.Null("from")
	} else {
		o = o.Text("from", string(previous.Type))
	}
	return o.Text("to", string(state.Type)).End()
}

func (e *Event) member(key string) pyjson.Value {
	value, _ := e.whole.Member(key) // null if there is none
	return value
}

// AppendReportedEvent writes the frame of an event as the client sent it, without the end. AppendEventEnd
// writes the end.
func AppendReportedEvent(b []byte, e *Event) []byte {
	o := beginEvent(b).
		Time("occurred", e.occurred.UTC()).
		Text("event", e.name).
		Value("resource", e.member("resource"))
	o = pyjson.AppendList(o.Member("related"), e.member("related").Items(), func(b []byte, v pyjson.Value) []byte { return v.AppendTo(b) })
	return o.
		Value("payload", e.payload).
		Text("id", e.ID).
		NonEmpty("follows", e.follows)
}

// AppendEventEnd writes the end of the frame of an event, with the time at which the operator received
// the change.
func AppendEventEnd(b []byte, received time.Time) []byte {
	event := pyjson.ObjectWriter(b).Time("received", received.UTC()).End()
	return pyjson.ObjectWriter(event).End()
}

// Events have runs and states without the members that are null or false (contract §4.3).

// optionalRaw writes JSON text in the server's format. It omits null.
func optionalRaw(o pyjson.ObjectWriter, key string, text []byte) pyjson.ObjectWriter {
	value := parsed(text)
	if value.IsNull() {
		return o
	}
	return value.AppendTo(o.TextMember(key))
}

// beginEventState begins the object of a state.
func beginEventState(b []byte, s *orchestration.State) pyjson.ObjectWriter {
	o := pyjson.BeginObject(b).
		Text("type", string(s.Type)).
		Text("name", s.Name).
		Text("message", messageOf(s))
	return appendEventDetails(o.Member("state_details"), &s.Details)
}

// appendEventDetails writes the details of a state without the ids of its run and
// flow run.
func appendEventDetails(b []byte, d *orchestration.StateDetails) []byte {
	o := pyjson.BeginObject(b).
		OptionalNonEmpty("child_flow_run_id", d.ChildFlowRunID).
		OptionalTime("scheduled_time", d.ScheduledTime).
		OptionalText("cache_key", d.CacheKey).
		OptionalTime("cache_expiration", d.CacheExpiration).
		OptionalTrue("deferred", isTrue(d.Deferred)).
		OptionalTrue("untrackable_result", d.UntrackableResult).
		OptionalTime("pause_timeout", d.PauseTimeout).
		OptionalTrue("pause_reschedule", d.PauseReschedule).
		OptionalText("pause_key", d.PauseKey)
	if d.RunInputKeyset != nil {
		o = appendKeyset(o.Member("run_input_keyset"), d.RunInputKeyset)
	}
	return o.
		OptionalTrue("refresh_cache", isTrue(d.RefreshCache)).
		OptionalTrue("retriable", isTrue(d.Retriable)).
		OptionalNonEmpty("transition_id", d.TransitionID).
		OptionalNonEmpty("task_parameters_id", d.TaskParametersID).
		OptionalText("traceparent", d.Traceparent).
		OptionalNonEmpty("deployment_concurrency_lease_id", d.DeploymentConcurrencyLeaseID).
		End()
}

func isTrue(v *bool) bool { return v != nil && *v }

// appendEventRun writes the run of a change without the fields that only the server knows
// (contract §4.3).
func appendEventRun(b []byte, run *taskrun.Run) []byte {
	o := pyjson.BeginObject(b).
		Text("name", run.Name).
		Text("task_key", run.TaskKey).
		Text("dynamic_key", run.DynamicKey).
		OptionalText("cache_key", run.CacheKey).
		OptionalTime("cache_expiration", run.CacheExpiration).
		OptionalText("task_version", run.TaskVersion)
	o = appendEventPolicy(o.Member("empirical_policy"), &run.Policy)
	o = AppendTexts(o.Member("tags"), run.Tags)
	if reported := run.Reported; reported == nil || !reported.Labels.Given || reported.Labels.Value != nil {
		o = appendEventLabels(o.Member("labels"), run)
	}
	o = appendInputs(o.Member("task_inputs"), run.TaskInputs)
	return o.
		Int("run_count", run.RunCount).
		Int("flow_run_run_count", run.FlowRunRunCount).
		OptionalTime("expected_start_time", run.ExpectedStartTime).
		OptionalTime("next_scheduled_start_time", run.NextScheduledStartTime).
		OptionalTime("start_time", run.StartTime).
		OptionalTime("end_time", run.EndTime).
		Seconds("total_run_time", run.TotalRunTime).
		End()
}

func appendEventPolicy(b []byte, p *taskrun.Policy) []byte {
	o := pyjson.BeginObject(b)
	o = optionalRaw(o, "max_retries", AppendNumber(nil, p.MaxRetries, "0"))
	o = optionalRaw(o, "retry_delay_seconds", AppendDecimal(nil, p.RetryDelaySeconds, "0.0"))
	o = optionalRaw(o, "retries", AppendNumber(nil, p.Retries, "null"))
	o = optionalRaw(o, "retry_delay", appendRetryDelay(nil, p.RetryDelay))
	o = optionalRaw(o, "retry_jitter_factor", AppendDecimal(nil, p.RetryJitterFactor, "null"))
	return o.End()
}

func appendEventLabels(b []byte, run *taskrun.Run) []byte {
	o := pyjson.BeginObject(b)
	var room [fewKeys]string
	for _, key := range orderedKeys(run.Labels, room[:0]) {
		o = optionalRaw(o, key, run.Labels[key])
	}
	return o.End()
}
