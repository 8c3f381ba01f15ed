package flowrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// NewFlow is what a caller gives to register a flow.
type NewFlow struct {
	Name   string
	Tags   []string
	Labels map[string]json.RawMessage // nil is null
}

// NewRun is what a caller gives to create a run.
type NewRun struct {
	// Run without progress, except for PauseKeys, Resuming and RetryType, which clients
	// can set. An empty Name is generated. Parameters and Context default to {}.
	Run   Run
	State *taskrun.Proposal // nil: PENDING
}

// Edit is a PATCH of a run (flows contract §2.2). It changes the fields that are given.
type Edit struct {
	Name              taskrun.Optional[string] // null and an empty text: a generated name
	FlowVersion       taskrun.Optional[string]
	Parameters        taskrun.Optional[json.RawMessage] // never null
	Policy            taskrun.Optional[EmpiricalPolicy] // never null
	Tags              taskrun.Optional[[]string]        // never null
	InfrastructurePID taskrun.Optional[string]
	JobVariables      taskrun.Optional[json.RawMessage]
}

// EmpiricalPolicy is the whole empirical policy: a PATCH replaces what transitions
// change, too (flows contract §2.2).
type EmpiricalPolicy struct {
	Policy

	PauseKeys []string
	Resuming  bool
	RetryType orchestration.RetryType
}

// EditError rejects an Edit. Its text is that of Prefect.
type EditError struct{ Reason string }

func (e *EditError) Error() string { return e.Reason }

// Evaluation is the result of the evaluation of a taskrun.NamedProposal.
type Evaluation struct {
	// Outcome is the result of the rules. Only Run and State are set if the verdict was
	// already recorded.
	Outcome

	// Before is the previous state of the run.
	Before *orchestration.State
	// Final is the decision as recorded; nil while the verdict is Wait.
	Final *taskrun.ProposalDecision
	// Recorded reports whether this call evaluated the proposal and wrote Final.
	Recorded bool
}

// Outcome is what came of a proposal.
type Outcome struct {
	Run *Run // as it is now
	// State is the state that the proposer is to see: the one written now, else the
	// current one. It is nil for the resume of a run that is not paused. Its data can be
	// more than what was stored (contract §2.3, unpersisted results).
	State  *orchestration.State
	Status orchestration.Status
	Reason string
	Delay  time.Duration // whole seconds, only with WAIT
	// Written reports whether this call wrote a state.
	Written bool
	// InputRejected reports that the input of a resume was rejected: the details of the
	// response are those of an ABORT then, whatever Status says (flows contract §2.3).
	InputRejected bool
}

// Notifier is called after writes.
type Notifier interface {
	// Transitioned is called once for each state that was written. before is nil for the
	// first state of a run.
	Transitioned(before, after *Run, decision orchestration.FlowRunDecision)
}
