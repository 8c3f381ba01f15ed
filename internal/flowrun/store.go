package flowrun

import (
	"context"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Store keeps the flows and flow runs of a namespace. Its errors are those of
// taskrun.Store: ErrNotFound, ErrConflict, ErrExists, ErrUnavailable, ErrForbidden,
// *InvalidError and *RejectedError of that package. A write is durable, and visible to
// later reads through the same store, when the method returns without an error.
type Store interface {
	// Flow returns the flow with this id, or ErrNotFound.
	Flow(ctx context.Context, id string) (*Flow, error)
	// FlowNamed returns the flow with this name, or ErrNotFound.
	FlowNamed(ctx context.Context, name string) (*Flow, error)
	// CreateFlow stores a flow under its name, and returns it as stored. If a flow of
	// that name exists, it returns that flow and ErrExists.
	CreateFlow(ctx context.Context, flow *Flow) (*Flow, error)
	// UpdateFlow replaces Tags and Updated, if the stored flow still has flow.Ref, else
	// ErrConflict; ErrNotFound if it was deleted.
	UpdateFlow(ctx context.Context, flow *Flow) (*Flow, error)
	// DeleteFlow removes the flow alone. ErrNotFound.
	DeleteFlow(ctx context.Context, id string) error

	// Get returns the run with this id, or ErrNotFound.
	Get(ctx context.Context, id string) (*Run, error)
	// Load returns the run with the parts that it lacks (Unloaded): the run itself if it
	// lacks none. ErrNotFound if it was deleted, ErrConflict if a part was replaced since.
	Load(ctx context.Context, run *Run) (*Run, error)
	// Reload reads the run again past any cache: what it returns is no older than the
	// call. ErrNotFound also when the object was created again since.
	Reload(ctx context.Context, stale *Run) (*Run, error)
	// Create stores a new run under run.ID, and returns it as stored. Of its progress
	// only run.State and the fields that clients can set (PauseKeys, Resuming, RetryType)
	// are stored, the rest follows from them (see Begin). If a run of that id or key
	// exists, it returns that run and ErrExists.
	Create(ctx context.Context, run *Run) (*Run, error)
	// Update replaces Editable, Labels and all that transitions change (FlowRunProgress,
	// History, HistoryDropped, Answers, Decisions, EndRecorded, ExpirationTime, Updated) if
	// the stored run still has run.Ref, else ErrConflict; ErrNotFound if it was deleted.
	Update(ctx context.Context, run *Run) (*Run, error)
	// Delete removes the run, its states and its inputs, but no task runs. With a reference,
	// it removes that version only, else ErrConflict. ErrNotFound.
	Delete(ctx context.Context, id string, ifUnchanged *taskrun.ObjectRef) error
	// State returns the state with this id and the run that holds it. ErrNotFound.
	State(ctx context.Context, stateID string) (*orchestration.State, *Run, error)

	// Snapshot returns all flows and runs of one moment. ErrUnavailable until all are known.
	// Its runs can lack large parts, as can those of Follow: see Load.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Follow calls change at every run that comes (before is nil), changes or goes (after
	// is nil), after the runs that it returns: no change is missed or passed twice. change
	// must neither block nor call the store. After stop it is not called again.
	Follow(change func(before, after *Run)) (now iter.Seq[*Run], stop func())

	Inputs
}

// Inputs keeps the inputs of runs. They are deleted with their run.
type Inputs interface {
	// Input returns the value of an input, or ErrNotFound.
	Input(ctx context.Context, runID, key string) (*Input, error)
	// CreateInput stores an input. ErrExists if the run has one with that key,
	// ErrNotFound if there is no such run.
	CreateInput(ctx context.Context, input *Input) error
	// ListInputs returns the inputs of a run, oldest first.
	ListInputs(ctx context.Context, runID string) ([]*Input, error)
	// DeleteInput removes an input. ErrNotFound.
	DeleteInput(ctx context.Context, runID, key string) error
}

// Input is one value that was sent to a run (flows contract §2.2).
type Input struct {
	ID      string // UUID
	Created time.Time
	RunID   string
	Key     string // letters, digits and dashes
	Value   string
	Sender  *string
}

// InputFilter selects inputs of a run, oldest first.
type InputFilter struct {
	Prefix  string   // of the keys, a pattern of SQL's LIKE: _ and % are wildcards
	Exclude []string // keys
	Limit   int
}

// Snapshot is an immutable view of the flows and runs of one moment.
type Snapshot interface {
	// Flows yields all flows, in no order.
	Flows() iter.Seq[*Flow]
	// Flow returns the flow with this id, nil if there is none.
	Flow(id string) *Flow
	// Runs yields all runs, in no order.
	Runs() iter.Seq[*Run]
	// Run returns the run with this id, nil if there is none.
	Run(id string) *Run
	// RunsOf yields the runs of a flow, in no order.
	RunsOf(flowID string) iter.Seq[*Run]
	// Subflow returns the newest run that stands behind a task run, nil if there is none.
	Subflow(taskRunID string) *Run
	// Subflows yields all runs that stand behind a task run, the newest first.
	Subflows(taskRunID string) iter.Seq[*Run]
}
