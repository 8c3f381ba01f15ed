package kube

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maker makes random runs: about half of what can be missing is.
type maker struct{ *rand.Rand }

var someTexts = []string{
	"", "a", "two words", "é", "\u2028", "<&>", `"quoted"`, `\`, "line\nbreak", "42", "null", "true", `{"a":1.0}`, "😀",
	"0123456789012345678901234567890123456789012345678901234567890123456789",
}

var someJSON = []string{
	`1.0`, `-0.0`, `-0`, `0`, `3`, `1e3`, `1e-9`, `1e400`, `0.1`, `9223372036854775807`, `9223372036854775808`, `true`,
	`false`, `""`, `"a"`, `"\u00e9"`, `"\ud800"`, `"<&>"`, `"42"`, `"null"`, `"{\"a\":1}"`,
}

var someData = append([]string{` {"a" : 1.0} `, `{"a":[null,1e3],"b":{}}`, `[]`, `{"type":"result"}`}, someJSON...)

var someNumbers = []string{"0", "4", "5.0", "1e3", "-0.0", "-2.50", "123456789012345678901234567890"}

func pick[T any](m maker, from []T) T { return from[m.IntN(len(from))] }

func maybe[T any](m maker, value func() T) *T {
	if m.IntN(2) == 0 {
		return nil
	}
	return new(value())
}

func (m maker) text() string { return pick(m, someTexts) }

func (m maker) id() string {
	return fmt.Sprintf("%08x-0000-7000-8000-%012x", m.Uint32(), m.Uint32())
}

func (m maker) maybeID() string {
	if m.IntN(2) == 0 {
		return ""
	}
	return m.id()
}

func (m maker) time() time.Time {
	return time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC).Add(time.Duration(m.Int64N(1e9)) * time.Microsecond)
}

func (m maker) flag() bool { return m.IntN(2) == 0 }

func (m maker) data() json.RawMessage {
	if m.IntN(3) == 0 {
		return nil
	}
	return json.RawMessage(pick(m, someData))
}

func (m maker) details() orchestration.StateDetails {
	switch m.IntN(4) {
	case 0:
		return orchestration.StateDetails{}
	case 1:
		return orchestration.StateDetails{Deferred: new(false)}
	}
	details := orchestration.StateDetails{
		ChildFlowRunID: m.maybeID(), ScheduledTime: maybe(m, m.time), CacheKey: maybe(m, m.text),
		CacheExpiration: maybe(m, m.time), Deferred: maybe(m, m.flag), UntrackableResult: m.flag(),
		PauseTimeout: maybe(m, m.time), PauseReschedule: m.flag(), PauseKey: maybe(m, m.text),
		RefreshCache: maybe(m, m.flag), Retriable: maybe(m, m.flag), TransitionID: m.maybeID(),
		TaskParametersID: m.maybeID(), Traceparent: maybe(m, m.text), DeploymentConcurrencyLeaseID: m.maybeID(),
	}
	if m.flag() {
		details.RunInputKeyset = map[string]string{}
		for range m.IntN(3) {
			details.RunInputKeyset[m.text()] = m.text()
		}
	}
	return details
}

var finalVerdicts = []orchestration.Status{orchestration.Accept, orchestration.Reject, orchestration.Abort}

func (m maker) proposal() taskrun.Proposal {
	return taskrun.Proposal{
		Type: pick(m, orchestration.StateTypes), Name: maybe(m, m.text), Message: maybe(m, m.text), Data: m.data(),
		Details: m.details(),
	}
}

func (m maker) state() orchestration.State { return m.proposal().State(m.id(), m.time()) }

func (m maker) policy() taskrun.Policy {
	policy := taskrun.Policy{RetryDelay: maybe(m, func() taskrun.RetryDelay {
		delay := taskrun.RetryDelay{List: m.flag(), Seconds: []string{pick(m, someNumbers)}}
		if delay.List {
			delay.Seconds = someNumbers[:m.IntN(4)]
		}
		return delay
	})}
	if m.flag() {
		policy.MaxRetries, policy.RetryDelaySeconds = "3", pick(m, someNumbers)
	}
	if m.flag() {
		policy.Retries, policy.RetryJitterFactor = pick(m, []string{"0", "-1", "9007199254740991"}), "0.30"
	}
	return policy
}

func (m maker) inputs() map[string][]taskrun.TaskInput {
	all := []taskrun.TaskInput{
		{InputType: taskrun.InputTaskRun, ID: m.id()},
		{InputType: taskrun.InputFlowRun, ID: m.id()},
		{InputType: taskrun.InputParameter, Name: m.text()},
		{InputType: taskrun.InputConstant, Type: m.text()},
	}
	inputs := map[string][]taskrun.TaskInput{}
	for range m.IntN(3) {
		inputs[m.text()] = all[m.IntN(len(all)+1):]
	}
	return inputs
}

// run makes a run in its initial state.
func (m maker) run() *taskrun.Run {
	created := m.time()
	run := taskrun.Run{
		ID: m.id(), Created: created, Updated: created,
		Name: "n" + m.text(), FlowRunID: m.maybeID(), TaskKey: m.text(), DynamicKey: m.text(),
		CacheKey: maybe(m, m.text), CacheExpiration: maybe(m, m.time), TaskVersion: maybe(m, m.text),
		Policy: m.policy(), TaskInputs: m.inputs(),
		TTL: maybe(m, func() time.Duration { return time.Duration(m.IntN(100)) * time.Second }),
	}
	for range m.IntN(4) {
		run.Tags = append(run.Tags, m.text())
	}
	if m.flag() {
		run.Labels = map[string]json.RawMessage{}
		for range m.IntN(6) {
			run.Labels[m.text()] = json.RawMessage(pick(m, someJSON))
		}
	}
	run = taskrun.Begin(run, m.state())
	return &run
}

// progress makes the run's progress a random one.
func (m maker) progress(run *taskrun.Run) {
	run.Progress = orchestration.Progress{
		State: new(m.reportedState()), RunCount: m.Int64N(9), FlowRunRunCount: m.Int64N(3),
		ExpectedStartTime: maybe(m, m.time), NextScheduledStartTime: maybe(m, m.time),
		StartTime: maybe(m, m.time), EndTime: maybe(m, m.time),
		TotalRunTime: time.Duration(m.Int64N(3)) * 12345678 * time.Microsecond,
	}
	run.History, run.HistoryDropped = nil, m.Int64N(2)
	for range m.IntN(4) {
		run.History = append(run.History, m.reportedState())
	}
	run.Decisions = nil
	for range m.IntN(3) {
		run.Decisions = append(run.Decisions, taskrun.ProposalDecision{
			Proposal: "p" + m.text(), UID: m.id(), Verdict: pick(m, finalVerdicts), Reason: m.text(), Proposer: m.text(),
			EvaluatedAt: m.time(), StateID: m.maybeID(),
		})
	}
	run.Delivery = maybe(m, func() taskrun.Delivery {
		return taskrun.Delivery{
			Holder: pick(m, []string{"", "host-7-4711"}), PreviousHolder: pick(m, []string{"", "host-7-4711", "host-8-1"}),
			LeaseNamespace: pick(m, []string{"", taskrun.NoLease, "taskrun-system"}), Since: m.time(), Attempts: 1 + m.IntN(3),
		}
	})
	run.Reported = m.reported()
	run.Reported.ApplyAsked(run)
	run.Updated = run.Updated.Add(time.Hour)
	run.EndRecorded, run.ExpirationTime = time.Time{}, maybe(m, m.time)
	if run.Finished() {
		run.EndRecorded = run.Updated
	}
}

// reportedState makes a state with what only reported ones have.
func (m maker) reportedState() orchestration.State {
	state := m.state()
	if at := maybe(m, m.time); at != nil {
		state.Occurred = *at
	}
	state.Follows = m.maybeID()
	return state
}

// reported makes what a worker tells other than what was asked.
func (m maker) reported() *taskrun.Columns {
	c := taskrun.Columns{
		FlowRunID: column(m, m.id), Name: column(m, m.text), TaskKey: column(m, m.text), DynamicKey: column(m, m.text),
		CacheKey: column(m, m.text), CacheExpiration: column(m, m.time), TaskVersion: column(m, m.text),
		Policy: column(m, m.policy),
		Tags:   column(m, func() []string { return []string{m.text()} }),
		TaskInputs: column(m, func() map[string][]taskrun.TaskInput {
			return map[string][]taskrun.TaskInput{m.text(): {{InputType: taskrun.InputConstant, Type: m.text()}}}
		}),
		Labels: column(m, func() map[string]json.RawMessage { return map[string]json.RawMessage{m.text(): []byte(`"x"`)} }),
	}
	for _, text := range []*taskrun.Column[string]{&c.Name, &c.TaskKey, &c.DynamicKey} {
		text.Given = text.Value != nil // a null says nothing here
	}
	if c == (taskrun.Columns{}) {
		return nil
	}
	return &c
}

// column is not given, null, or has a value.
func column[T any](m maker, value func() T) taskrun.Column[T] {
	if m.flag() {
		return taskrun.Column[T]{}
	}
	return taskrun.Column[T]{Given: true, Value: maybe(m, value)}
}
