package orchestration

import "time"

// FlowRunProgress is the part of a flow run that transitions change. The transforms
// (flows contract §4.5) and the after hooks of rules are its only writers.
// FlowRunRunCount of the embedded Progress is 0.
type FlowRunProgress struct {
	Progress

	PauseKeys []string  // of the pauses that have fired, each once
	Resuming  bool      // the next entry into RUNNING is not counted
	RetryType RetryType // how the run is tried again
}

// RetryType says how a flow run is tried again (flows contract §3.3).
type RetryType string

// The retry types; empty is null.
const (
	RetryInProcess  RetryType = "in_process"
	RetryReschedule RetryType = "reschedule"
)

// FlowRunPolicy selects the rules of an evaluation (flows contract §4.1).
type FlowRunPolicy int

// The policies.
const (
	FlowRunCore    FlowRunPolicy = iota // proposals of clients
	FlowRunMinimal                      // creation, and proposals with force
	FlowRunLate                         // the service that marks late runs
)

// FlowRunFacts is the input of an evaluation of a flow run's transition. It includes the
// time and new ids, so that DecideFlowRun is a pure function.
type FlowRunFacts struct {
	ID                string
	Progress          FlowRunProgress
	Retries           *int64 // nil: none
	RetryDelay        *int64 // seconds; nil: 0
	ParentTaskRunID   string // empty: not a subflow
	HasInfrastructure bool   // the run has an infrastructure_pid
	HasDeployment     bool
	Proposed          State // with the id and timestamp it will have if it is accepted
	Policy            FlowRunPolicy
	Now               time.Time
	NewID             string // id of a state that replaces the proposed one
	NewPauseKey       string // for a pause without a key
}

// FlowRunDecision is the outcome of an evaluation.
type FlowRunDecision struct {
	Status   Status
	Reason   string        // empty when accepted, or when no reason was given
	Delay    time.Duration // whole seconds, only with Wait
	State    *State        // the state to write, nil if nothing is written
	Progress FlowRunProgress
	Trace    []TraceEntry
}
