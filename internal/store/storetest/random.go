package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Random creates random runs. About half of the optional fields are set.
type Random struct{ *rand.Rand }

// NewRandom returns the Random of these seeds. It creates the same runs each time.
func NewRandom(seed1, seed2 uint64) Random {
	return Random{rand.New(rand.NewPCG(seed1, seed2))} //nolint:gosec // keeps no secret
}

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

// Pick returns one of the values.
func Pick[T any](m Random, from []T) T { return from[m.IntN(len(from))] }

// Maybe returns a value, or nil.
func Maybe[T any](m Random, value func() T) *T {
	if m.IntN(2) == 0 {
		return nil
	}
	return new(value())
}

// Text returns a text, which may be empty or hard to encode.
func (m Random) Text() string { return Pick(m, someTexts) }

// ID returns a UUID.
func (m Random) ID() string {
	return fmt.Sprintf("%08x-0000-7000-8000-%012x", m.Uint32(), m.Uint32())
}

func (m Random) maybeID() string {
	if m.IntN(2) == 0 {
		return ""
	}
	return m.ID()
}

// Time returns a time with microseconds.
func (m Random) Time() time.Time {
	return time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC).Add(time.Duration(m.Int64N(1e9)) * time.Microsecond)
}

// Flag returns true or false.
func (m Random) Flag() bool { return m.IntN(2) == 0 }

func (m Random) data() json.RawMessage {
	if m.IntN(3) == 0 {
		return nil
	}
	return json.RawMessage(Pick(m, someData))
}

func (m Random) details() orchestration.StateDetails {
	switch m.IntN(4) {
	case 0:
		return orchestration.StateDetails{}
	case 1:
		return orchestration.StateDetails{Deferred: new(false)}
	}
	details := orchestration.StateDetails{
		ChildFlowRunID: m.maybeID(), ScheduledTime: Maybe(m, m.Time), CacheKey: Maybe(m, m.Text),
		CacheExpiration: Maybe(m, m.Time), Deferred: Maybe(m, m.Flag), UntrackableResult: m.Flag(),
		PauseTimeout: Maybe(m, m.Time), PauseReschedule: m.Flag(), PauseKey: Maybe(m, m.Text),
		RefreshCache: Maybe(m, m.Flag), Retriable: Maybe(m, m.Flag), TransitionID: m.maybeID(),
		TaskParametersID: m.maybeID(), Traceparent: Maybe(m, m.Text), DeploymentConcurrencyLeaseID: m.maybeID(),
	}
	if m.Flag() {
		details.RunInputKeyset = map[string]string{}
		for range m.IntN(3) {
			details.RunInputKeyset[m.Text()] = m.Text()
		}
	}
	return details
}

var finalVerdicts = []orchestration.Status{orchestration.Accept, orchestration.Reject, orchestration.Abort}

func (m Random) proposal() taskrun.Proposal {
	return taskrun.Proposal{
		Type: Pick(m, orchestration.StateTypes), Name: Maybe(m, m.Text), Message: Maybe(m, m.Text), Data: m.data(),
		Details: m.details(),
	}
}

func (m Random) state() orchestration.State { return m.proposal().State(m.ID(), m.Time()) }

func (m Random) policy() taskrun.Policy {
	policy := taskrun.Policy{RetryDelay: Maybe(m, func() taskrun.RetryDelay {
		delay := taskrun.RetryDelay{List: m.Flag(), Seconds: []string{Pick(m, someNumbers)}}
		if delay.List {
			delay.Seconds = someNumbers[:m.IntN(4)]
		}
		return delay
	})}
	if m.Flag() {
		policy.MaxRetries, policy.RetryDelaySeconds = "3", Pick(m, someNumbers)
	}
	if m.Flag() {
		policy.Retries, policy.RetryJitterFactor = Pick(m, []string{"0", "-1", "9007199254740991"}), "0.30"
	}
	return policy
}

func (m Random) inputs() map[string][]taskrun.TaskInput {
	all := []taskrun.TaskInput{
		{InputType: taskrun.InputTaskRun, ID: m.ID()},
		{InputType: taskrun.InputFlowRun, ID: m.ID()},
		{InputType: taskrun.InputParameter, Name: m.Text()},
		{InputType: taskrun.InputConstant, Type: m.Text()},
	}
	inputs := map[string][]taskrun.TaskInput{}
	for range m.IntN(3) {
		inputs[m.Text()] = all[m.IntN(len(all)+1):]
	}
	return inputs
}

// Run returns a run in its initial state.
func (m Random) Run() *taskrun.Run {
	created := m.Time()
	run := taskrun.Run{
		ID: m.ID(), Created: created, Updated: created,
		Name: "n" + m.Text(), FlowRunID: m.maybeID(), TaskKey: m.Text(), DynamicKey: m.Text(),
		CacheKey: Maybe(m, m.Text), CacheExpiration: Maybe(m, m.Time), TaskVersion: Maybe(m, m.Text),
		Policy: m.policy(), TaskInputs: m.inputs(),
		TTL: Maybe(m, func() time.Duration { return time.Duration(m.IntN(100)) * time.Second }),
	}
	for range m.IntN(4) {
		run.Tags = append(run.Tags, m.Text())
	}
	if m.Flag() {
		run.Labels = map[string]json.RawMessage{}
		for range m.IntN(6) {
			run.Labels[m.Text()] = json.RawMessage(Pick(m, someJSON))
		}
	}
	first := m.state()
	if m.Flag() {
		first = taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{
			Deferred: new(true), TaskParametersID: m.maybeID(),
		}}.State(m.ID(), created)
	}
	run = taskrun.Begin(run, first)
	if m.Flag() {
		run.DeliverFirst(taskrun.Hold{Worker: "host-7-4711", LeaseNamespace: "taskrun-system"})
	}
	return &run
}

// Progress sets a random progress.
func (m Random) Progress(run *taskrun.Run) {
	run.Progress = orchestration.Progress{
		State: new(m.reportedState()), RunCount: m.Int64N(9), FlowRunRunCount: m.Int64N(3),
		ExpectedStartTime: Maybe(m, m.Time), NextScheduledStartTime: Maybe(m, m.Time),
		StartTime: Maybe(m, m.Time), EndTime: Maybe(m, m.Time),
		TotalRunTime: time.Duration(m.Int64N(3)) * 12345678 * time.Microsecond,
	}
	run.History, run.HistoryDropped = nil, m.Int64N(2)
	for range m.IntN(4) {
		run.History = append(run.History, m.reportedState())
	}
	run.Decisions = nil
	for range m.IntN(3) {
		run.Decisions = append(run.Decisions, taskrun.ProposalDecision{
			Proposal: "p" + taskrun.Truncate(m.Text(), 60), UID: m.ID(), Verdict: Pick(m, finalVerdicts), Reason: m.Text(), Proposer: m.Text(),
			EvaluatedAt: m.Time(), StateID: m.maybeID(),
		})
	}
	run.Delivery = Maybe(m, func() taskrun.Delivery {
		return taskrun.Delivery{
			Holder: Pick(m, []string{"", "host-7-4711"}), PreviousHolder: Pick(m, []string{"", "host-7-4711", "host-8-1"}),
			LeaseNamespace: Pick(m, []string{"", taskrun.NoLease, "taskrun-system"}), Since: m.Time(), Attempts: 1 + m.IntN(3),
		}
	})
	run.Reported = m.reported()
	run.Reported.ApplySpec(run)
	run.Updated = run.Updated.Add(time.Hour)
	run.EndRecorded, run.ExpirationTime = time.Time{}, Maybe(m, m.Time)
	if run.Finished() {
		run.EndRecorded = run.Updated
	}
}

// reportedState adds the fields that only reported states have.
func (m Random) reportedState() orchestration.State {
	state := m.state()
	if at := Maybe(m, m.Time); at != nil {
		state.Occurred = *at
	}
	state.Follows = m.maybeID()
	return state
}

// reported sets reported fields that differ from the spec.
func (m Random) reported() *taskrun.Patch {
	c := taskrun.Patch{
		FlowRunID: column(m, m.ID), Name: column(m, m.Text), TaskKey: column(m, m.Text), DynamicKey: column(m, m.Text),
		CacheKey: column(m, m.Text), CacheExpiration: column(m, m.Time), TaskVersion: column(m, m.Text),
		Policy: column(m, m.policy),
		Tags:   column(m, func() []string { return []string{m.Text()} }),
		TaskInputs: column(m, func() map[string][]taskrun.TaskInput {
			return map[string][]taskrun.TaskInput{m.Text(): {{InputType: taskrun.InputConstant, Type: m.Text()}}}
		}),
		Labels: column(m, func() map[string]json.RawMessage { return map[string]json.RawMessage{m.Text(): []byte(`"x"`)} }),
	}
	for _, text := range []*taskrun.Optional[string]{&c.Name, &c.TaskKey, &c.DynamicKey} {
		text.Given = text.Value != nil // a null has no effect here
	}
	if c == (taskrun.Patch{}) {
		return nil
	}
	return &c
}

// column returns an unset field, a null, or a value.
func column[T any](m Random, value func() T) taskrun.Optional[T] {
	if m.Flag() {
		return taskrun.Optional[T]{}
	}
	return taskrun.Optional[T]{Given: true, Value: Maybe(m, value)}
}
