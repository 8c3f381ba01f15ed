package taskrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Proposal proposes a state for a run.
type Proposal struct {
	Type    orchestration.StateType
	Name    *string // nil: the default name of the type
	Message *string
	Data    json.RawMessage // nil is null
	Details orchestration.StateDetails
	Force   bool

	// Fault is the part of the proposal that could not be decoded, or empty. A proposal
	// with a fault is aborted. Set by the store.
	Fault string

	// DataCut reports that the data was too long to be stored. The message then has a
	// mark. Set by the use cases.
	DataCut bool
}

// HasResult reports whether the proposal has data or a cache key, which clients and
// later runs read as a result.
func (p *Proposal) HasResult() bool { return len(p.Data) > 0 || p.Details.CacheKey != nil }

// State returns the proposed state, with its id and time (contract §2.3).
func (p Proposal) State(id string, at time.Time) orchestration.State {
	state := orchestration.State{
		ID:        id,
		Type:      p.Type,
		Name:      p.Type.DefaultName(),
		Timestamp: at,
		Message:   p.Message,
		Data:      withoutArtifactKeys(p.Data),
		Details:   p.Details,
	}
	if p.Name != nil {
		state.Name = *p.Name
	}
	if p.Type == orchestration.Scheduled && state.Details.ScheduledTime == nil {
		state.Details.ScheduledTime = &at
	}
	return state
}

// Outcome is the outcome of a proposal.
type Outcome struct {
	Run      *Run // current version
	Decision orchestration.Decision
	// State is the state for the proposer: the one that this call wrote, otherwise the
	// run's current one (contract §3.3). Its data can be more than the stored data
	// (contract §2.3, unpersisted results).
	State *orchestration.State
	// Written reports whether this call wrote a state.
	Written bool
}

// ProposalDecision is the final verdict on a NamedProposal. It is stored in the same
// write as the state that it led to.
type ProposalDecision struct {
	Proposal    string // name
	UID         string
	Verdict     orchestration.Status // never Wait
	Reason      string
	Proposer    string
	EvaluatedAt time.Time
	StateID     string // of the state that the evaluation wrote; empty: none
}

// NamedProposal is a proposal with its own object. A run evaluates each name once.
type NamedProposal struct {
	Proposal

	Name      string
	UID       string
	Object    string // ObjectRef.UID of the run
	Proposer  string // user that created it; empty: unknown
	IfStateID string // id that the run's current state must have; empty: any
	// WaitingStateID is the id of the run's state when an evaluation returned Wait, or
	// empty. If the run finished since then, it is not started again.
	WaitingStateID string
}

// NewRun is the input of a creation.
type NewRun struct {
	// Run has no progress. An empty ID or Name is generated; an empty TaskVersion is
	// null.
	Run   Run
	State *Proposal // nil: PENDING
}
