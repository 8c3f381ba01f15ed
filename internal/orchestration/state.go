// Package orchestration evaluates state transitions of task runs and flow runs.
//
// It holds the states, the rules, the policies that order the rules, and the
// transforms that every accepted transition passes (contract §3). Everything
// here is a pure function of its arguments: no clock, no I/O, no randomness.
//
// Decide and DecideFlowRun are the entry points, for task runs and for flow runs. They
// select one of the policies, which are lists of rules (policies.go, flow_policies.go);
// the rules are in files of their own (rule_*.go, flow_rule_*.go); engine.go evaluates
// them; transforms.go holds what follows from every state that is written. testdata shows
// the decisions, pair by pair.
package orchestration

import (
	"encoding/json"
	"time"
)

// StateType is one of the nine kinds of state a run can be in.
type StateType string

// The state types, spelt as on the wire (contract §2.0).
const (
	Scheduled  StateType = "SCHEDULED"
	Pending    StateType = "PENDING"
	Running    StateType = "RUNNING"
	Completed  StateType = "COMPLETED"
	Failed     StateType = "FAILED"
	Cancelled  StateType = "CANCELLED"
	Crashed    StateType = "CRASHED"
	Paused     StateType = "PAUSED"
	Cancelling StateType = "CANCELLING"
)

// None stands for "no state": the initial type of a run that never had one,
// and the proposed type after a rule nullified the proposal.
const None StateType = ""

// StateTypes lists all nine types in Prefect's order.
var StateTypes = []StateType{
	Scheduled, Pending, Running, Completed, Failed, Cancelled, Crashed, Paused, Cancelling,
}

// Terminal reports whether a run in a state of this type has finished.
func (t StateType) Terminal() bool {
	switch t {
	case Completed, Cancelled, Failed, Crashed:
		return true
	default:
		return false
	}
}

// DefaultName is the name a state gets when none is given: the type with only
// its first letter in upper case.
func (t StateType) DefaultName() string {
	if t == None {
		return ""
	}
	b := []byte(t)
	for i := 1; i < len(b); i++ {
		b[i] += 'a' - 'A'
	}
	return string(b)
}

// State names that rules give or look for (contract §2.3).
const (
	NameAwaitingRetry = "AwaitingRetry"
	NameRetrying      = "Retrying"
	NameRerunning     = "Rerunning"
	NameCached        = "Cached"
	NameNotReady      = "NotReady"
)

// State is one state of a run. A state never changes once it was written.
type State struct {
	ID        string // UUID, lower case with hyphens
	Type      StateType
	Name      string
	Timestamp time.Time // microseconds count
	Message   *string   // nil is null; an empty text is kept
	Data      json.RawMessage
	Details   StateDetails
	// CacheEntry tells that later runs of the same cache key are given this
	// state's result. Clients do not see it.
	CacheEntry bool
	// Reported tells that a worker entered the state by itself and said so in an
	// event: nothing was judged. Clients do not see it.
	Reported bool
	// Occurred is the time that the event reported, where Timestamp had to be moved
	// to fit the order of the run's states; zero: Timestamp is that time. Clients do
	// not see it.
	Occurred time.Time
	// Follows is the id of the state that this one came after, as the event says;
	// empty if it says nothing, or nothing that the order of the run's states does
	// not tell. Clients do not see it.
	Follows string
}

// ReportedTime is the time of the state as it was reported.
func (s *State) ReportedTime() time.Time {
	if s.Occurred.IsZero() {
		return s.Timestamp
	}
	return s.Occurred
}

// MoveTo gives a reported state another time. The reported one is kept beside it.
func (s *State) MoveTo(at time.Time) {
	reported := s.ReportedTime()
	s.Timestamp, s.Occurred = at, time.Time{}
	if !at.Equal(reported) {
		s.Occurred = reported
	}
}

// typ is the state's type, None if there is no state.
func (s *State) typ() StateType {
	if s == nil {
		return None
	}
	return s.Type
}

// StateDetails are the documented details of a state (contract §2.3). The run's
// own ids, flow_run_id and task_run_id, are not kept here: they are always
// those of the run that holds the state.
type StateDetails struct {
	ChildFlowRunID               string // UUID or empty
	ScheduledTime                *time.Time
	CacheKey                     *string
	CacheExpiration              *time.Time
	Deferred                     *bool // null, false and true differ on the wire
	UntrackableResult            bool
	PauseTimeout                 *time.Time
	PauseReschedule              bool
	PauseKey                     *string
	RunInputKeyset               map[string]string // nil is null
	RefreshCache                 *bool
	Retriable                    *bool
	TransitionID                 string // UUID or empty
	TaskParametersID             string // UUID or empty
	Traceparent                  *string
	DeploymentConcurrencyLeaseID string // UUID or empty
}
