// Package orchestration evaluates state transitions of task runs.
//
// It holds the states, the rules, the policies that order the rules, and the
// transforms that every accepted transition passes (contract §3). Everything here is
// a pure function of its arguments: no clock, no I/O, no randomness.
//
// Decide is the entry point. It selects one of the policies, which are lists of rules
// (policies.go); each rule has its own file (rule_*.go). engine.go evaluates a
// policy. transforms.go computes the fields that depend on a written state. testdata
// has the outcome for each pair of types.
package orchestration

import (
	"encoding/json"
	"time"
)

// StateType is one of the nine types of states of a run.
type StateType string

// The state types, with the spelling on the wire (contract §2.0).
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

// None stands for "no state": the initial type of a run without a state, and the
// proposed type after a rule nullified the proposal.
const None StateType = ""

// StateTypes lists all nine types in Prefect's order.
var StateTypes = []StateType{
	Scheduled, Pending, Running, Completed, Failed, Cancelled, Crashed, Paused, Cancelling,
}

// Terminal reports whether a run with a state of this type has finished.
func (t StateType) Terminal() bool {
	switch t {
	case Completed, Cancelled, Failed, Crashed:
		return true
	default:
		return false
	}
}

// DefaultName returns the default name of a state: the type with only its first
// letter in upper case.
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

// State names that rules set or compare (contract §2.3).
const (
	NameAwaitingRetry = "AwaitingRetry"
	NameRetrying      = "Retrying"
	NameRerunning     = "Rerunning"
	NameCached        = "Cached"
	NameNotReady      = "NotReady"
)

// State is one state of a run. A written state never changes.
type State struct {
	ID        string // UUID, lower case with hyphens
	Type      StateType
	Name      string
	Timestamp time.Time // to the microsecond
	Message   *string   // nil is null; an empty text is valid
	Data      json.RawMessage
	Details   StateDetails
	// CacheEntry makes this state's result available to later runs with the same
	// cache key. Clients do not see it.
	CacheEntry bool
	// Reported marks a state that a worker entered and reported by an event, without
	// an evaluation. Clients do not see it.
	Reported bool
	// Occurred is the reported time, if Timestamp was moved to fit the order of the
	// run's states. If it is zero, Timestamp is the reported time. Clients do not see
	// it.
	Occurred time.Time
	// Follows is the id of the preceding state according to the event. It is empty if
	// the event has none, or none that adds to the order of the run's states. Clients
	// do not see it.
	Follows string
}

// ReportedTime returns the time of the state as it was reported.
func (s *State) ReportedTime() time.Time {
	if s.Occurred.IsZero() {
		return s.Timestamp
	}
	return s.Occurred
}

// MoveTo changes the time of a reported state and keeps the reported time in
// Occurred.
func (s *State) MoveTo(at time.Time) {
	reported := s.ReportedTime()
	s.Timestamp, s.Occurred = at, time.Time{}
	if !at.Equal(reported) {
		s.Occurred = reported
	}
}

// typ returns the state's type, or None if there is no state.
func (s *State) typ() StateType {
	if s == nil {
		return None
	}
	return s.Type
}

// StateDetails are the documented details of a state (contract §2.3). They do not
// include flow_run_id and task_run_id, which are always those of the run that holds
// the state.
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
