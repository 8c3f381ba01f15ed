package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// givenMembers writes an object without the members that are null, as events have
// runs and states (contract §4.3).
type givenMembers struct {
	b []byte
	n int // how many members there are
}

// beginMembers begins an object.
func beginMembers(b []byte) *givenMembers { return &givenMembers{b: append(b, '{')} }

// end returns what was written.
func (m *givenMembers) end() []byte { return append(m.b, '}') }

// key begins a member.
func (m *givenMembers) key(key string) {
	m.b = appendKey(m.b, m.n, key)
	m.n++
}

func (m *givenMembers) text(key string, text *string) {
	if text != nil {
		m.key(key)
		m.b = pyjson.AppendText(m.b, *text)
	}
}

func (m *givenMembers) textUnlessEmpty(key, text string) {
	if text != "" {
		m.text(key, &text)
	}
}

func (m *givenMembers) time(key string, t *time.Time) {
	if t != nil {
		m.key(key)
		m.b = appendTime(m.b, *t)
	}
}

func (m *givenMembers) number(key string, n int64) {
	m.key(key)
	m.b = strconv.AppendInt(m.b, n, 10)
}

// yes writes a truth value that is true; false is left out like null.
func (m *givenMembers) yes(key string, value bool) {
	if value {
		m.key(key)
		m.b = append(m.b, "true"...)
	}
}

// raw writes JSON text as the server spells it.
func (m *givenMembers) raw(key string, text []byte) {
	if value := parsed(text); !value.IsNull() {
		m.key(key)
		m.b = value.AppendTo(m.b)
	}
}

// appendEventState begins the object of a state, which is to be closed.
func appendEventState(b []byte, s *orchestration.State) []byte {
	b = append(b, `{"type":`...)
	b = pyjson.AppendText(b, string(s.Type))
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, s.Name)
	b = append(b, `,"message":`...)
	b = pyjson.AppendText(b, messageOf(s))
	b = append(b, `,"state_details":`...)
	return appendEventDetails(b, &s.Details)
}

// appendEventDetails writes the details of a state without the ids of its run and
// flow run.
func appendEventDetails(b []byte, d *orchestration.StateDetails) []byte {
	truth := func(v *bool) bool { return v != nil && *v }
	m := beginMembers(b)
	m.textUnlessEmpty("child_flow_run_id", d.ChildFlowRunID)
	m.time("scheduled_time", d.ScheduledTime)
	m.text("cache_key", d.CacheKey)
	m.time("cache_expiration", d.CacheExpiration)
	m.yes("deferred", truth(d.Deferred))
	m.yes("untrackable_result", d.UntrackableResult)
	m.time("pause_timeout", d.PauseTimeout)
	m.yes("pause_reschedule", d.PauseReschedule)
	m.text("pause_key", d.PauseKey)
	if d.RunInputKeyset != nil {
		m.key("run_input_keyset")
		m.b = appendKeyset(m.b, d.RunInputKeyset)
	}
	m.yes("refresh_cache", truth(d.RefreshCache))
	m.yes("retriable", truth(d.Retriable))
	m.textUnlessEmpty("transition_id", d.TransitionID)
	m.textUnlessEmpty("task_parameters_id", d.TaskParametersID)
	m.text("traceparent", d.Traceparent)
	m.textUnlessEmpty("deployment_concurrency_lease_id", d.DeploymentConcurrencyLeaseID)
	return m.end()
}

// appendEventRun writes the run of a change without what only the server knows of it
// (contract §4.3).
func appendEventRun(b []byte, run *taskrun.Run) []byte {
	m := beginMembers(b)
	m.text("name", &run.Name)
	m.text("task_key", &run.TaskKey)
	m.text("dynamic_key", &run.DynamicKey)
	m.text("cache_key", run.CacheKey)
	m.time("cache_expiration", run.CacheExpiration)
	m.text("task_version", run.TaskVersion)
	m.key("empirical_policy")
	m.b = appendEventPolicy(m.b, &run.Policy)
	m.key("tags")
	m.b = appendTexts(m.b, run.Tags)
	if reported := run.Reported; reported == nil || !reported.Labels.Given || reported.Labels.Value != nil {
		m.key("labels")
		m.b = appendEventLabels(m.b, run)
	}
	m.key("task_inputs")
	m.b = appendInputs(m.b, run.TaskInputs)
	m.number("run_count", run.RunCount)
	m.number("flow_run_run_count", run.FlowRunRunCount)
	m.time("expected_start_time", run.ExpectedStartTime)
	m.time("next_scheduled_start_time", run.NextScheduledStartTime)
	m.time("start_time", run.StartTime)
	m.time("end_time", run.EndTime)
	m.key("total_run_time")
	m.b = appendSeconds(m.b, run.TotalRunTime)
	return m.end()
}

func appendEventPolicy(b []byte, p *taskrun.Policy) []byte {
	m := beginMembers(b)
	m.raw("max_retries", appendNumber(nil, p.MaxRetries, "0"))
	m.raw("retry_delay_seconds", appendDecimal(nil, p.RetryDelaySeconds, "0.0"))
	m.raw("retries", appendNumber(nil, p.Retries, "null"))
	m.raw("retry_delay", appendRetryDelay(nil, p.RetryDelay))
	m.raw("retry_jitter_factor", appendDecimal(nil, p.RetryJitterFactor, "null"))
	return m.end()
}

func appendEventLabels(b []byte, run *taskrun.Run) []byte {
	m := beginMembers(b)
	var room [fewKeys]string
	for _, key := range orderedKeys(run.Labels, room[:0]) {
		m.raw(key, run.Labels[key])
	}
	return m.end()
}
