package flowrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Run is one flow run (flows contract §3.2). Ids are UUIDs in lower case with hyphens;
// an empty one is null.
type Run struct {
	ID                string
	Created           time.Time // microseconds count
	Updated           time.Time // time of the last write
	FlowID            string
	IdempotencyKey    *string // unique within the flow
	ParentTaskRunID   string  // the task run that stands for a subflow in its parent
	DeploymentID      string
	DeploymentVersion *string
	WorkQueueName     *string
	AutoScheduled     bool            // made from a schedule
	Context           json.RawMessage // an object
	CreatedBy         *Creator
	Labels            map[string]json.RawMessage // each value one JSON scalar, as it was sent

	// Editable is what clients can change later.
	Editable
	// FlowRunProgress holds the current state and what the transitions count.
	orchestration.FlowRunProgress

	History        []orchestration.State // past states, oldest first, without the current one
	HistoryDropped int64                 // how many older states fell off History

	// Answers are the latest decisions on proposals with a transition id, oldest first,
	// at most MaxAnswers: a proposal that is repeated gets the same answer.
	Answers []Answer
	// Decisions are the verdicts on StateProposals, oldest first, at most
	// taskrun.MaxDecisions.
	Decisions []taskrun.ProposalDecision

	// EndRecorded is when it was recorded that the run finished, by the operator's
	// clock; zero if the run is not finished.
	EndRecorded time.Time
	// TTL is the lifetime of the object after the run finished; nil: that of the namespace.
	TTL            *time.Duration
	ExpirationTime *time.Time // when the stored progress says that the run will be deleted

	// StatusStale reports that the stored progress is missing, or older than the rest
	// of the run. Any write of progress catches up.
	StatusStale bool
	// CreatedViaREST reports that the run was stored by Create.
	CreatedViaREST bool

	// Unloaded are the parts that are stored apart from the run and are missing in this
	// value. Only runs of Store.Snapshot, Follow and State have any, see Store.Load. Update
	// keeps these parts as they are stored.
	Unloaded Parts

	Ref taskrun.ObjectRef // the object, and the version of it, that was read
}

// Editable are the fields that PATCH replaces (flows contract §2.2).
type Editable struct {
	Name              string
	FlowVersion       *string
	Parameters        json.RawMessage // an object
	Policy            Policy
	Tags              []string
	InfrastructurePID *string
	JobVariables      json.RawMessage // an object; nil is null
}

// Object is what a FlowRun object stands for.
type Object struct {
	// Run is the run of the object. Its FlowID is empty if its flow does not exist.
	Run *Run
	// FlowName is the RegisteredFlow object that spec names; empty if spec has an id.
	FlowName string
	// Holder is the run of another object that has the same id; nil if there is none. If
	// it is set, the object is not a run.
	Holder *Run
	// KeyHolder is the run that has the idempotency key of this one; nil if this one has
	// it, or has none. Both are runs.
	KeyHolder *Run
}

// ObjectChanged is called with the namespace and the name of a FlowRun object that is new,
// changed or deleted, and with its run; nil if it is deleted or not a run.
type ObjectChanged func(namespace, name string, run *Run)

// Policy is the empirical policy of a flow run without what transitions change, which is
// orchestration.FlowRunProgress (flows contract §3.3).
type Policy struct {
	MaxRetries        string // deprecated by Prefect, still answered; a JSON number, "" is 0
	RetryDelaySeconds string // deprecated by Prefect, still answered; a JSON number, "" is 0.0
	Retries           *int64 // nil is null
	RetryDelay        *int64 // seconds; nil is null
}

// Parts refer to parts of a run that are stored apart from it, because they can be large.
// The references are those of the store; an empty one means that the part is not stored
// apart.
type Parts struct{ Parameters, Context, JobVariables string }

// Creator says what made a run (flows contract §2.2).
type Creator struct {
	ID           string
	Type         string
	DisplayValue string
}

// Answer is the decision on one proposal. A client repeats a proposal with the same
// transition id when it does not know what came of it.
type Answer struct {
	TransitionID string // UUID
	Status       orchestration.Status
	Reason       string
	StateID      string // of the state that was answered: the one written, else the current one
}

// Finished reports whether the current state is terminal.
func (r *Run) Finished() bool { return r.State != nil && r.State.Type.Terminal() }

// Key identifies creates of the same run (flows contract §0.21).
type Key struct{ FlowID, IdempotencyKey string }

// Key returns the run's key. It is false if the run has none.
func (r *Run) Key() (key Key, ok bool) {
	if r.IdempotencyKey == nil {
		return Key{}, false
	}
	return Key{FlowID: r.FlowID, IdempotencyKey: *r.IdempotencyKey}, true
}
