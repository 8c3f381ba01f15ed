package taskrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Proposal proposes a state for a run.
type Proposal struct {
	Type    orchestration.StateType
	Name    *string // nil: the type's default name
	Message *string
	Data    json.RawMessage // nil is null
	Details orchestration.StateDetails
	Force   bool

	// Fault is the part of the proposal that could not be read; empty: none. A proposal
	// with a fault is aborted. Set by the store.
	Fault string

	// DataCut reports that the data was too long to be stored: the message says so.
	// Set by the use cases.
	DataCut bool
}

// HasResult reports whether the proposal has data or a cache key: clients and later
// runs read them as a result.
func (p *Proposal) HasResult() bool { return len(p.Data) > 0 || p.Details.CacheKey != nil }

// State is the state proposed, with the id and time it will have (contract §2.3).
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

// Outcome is what came of a proposal.
type Outcome struct {
	Run      *Run // as it is now
	Decision orchestration.Decision
	// State is the state the proposer is to see: the one written now, else the
	// run's current one (contract §3.3). Its data can be more than what was
	// stored (contract §2.3, unpersisted results).
	State *orchestration.State
	// Written reports whether this call wrote a state.
	Written bool
}

// ProposalDecision is the final verdict on a NamedProposal. It is stored with the
// state that it led to, in one write.
type ProposalDecision struct {
	Proposal    string // name
	UID         string
	Verdict     orchestration.Status // never Wait
	Reason      string
	Proposer    string
	EvaluatedAt time.Time
	StateID     string // of the state that the evaluation wrote; empty: none
}

// NamedProposal is a proposal that exists as an object of its own. A run
// evaluates each name once.
type NamedProposal struct {
	Proposal

	Name      string
	UID       string
	Object    string // Revision.Object of the run that it is for
	Proposer  string // user that created it; empty: unknown
	IfStateID string // id that the run's current state must have; empty: any
	// WaitingStateID is the id of the state that the run was in when an evaluation
	// returned Wait; empty: none did. A run that finished since is not started again.
	WaitingStateID string
}

// NewRun is what a caller gives to create a run.
type NewRun struct {
	// Run without progress. An empty ID or Name is generated, an empty TaskVersion is null.
	Run   Run
	State *Proposal // nil: PENDING
}
