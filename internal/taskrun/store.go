package taskrun

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Errors a Store and the use cases return; test for them with errors.Is.
var (
	// ErrNotFound: the run or state does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the stored run has changed since it was read.
	ErrConflict = errors.New("changed by another writer")
	// ErrExists: a run with this id or natural key exists.
	ErrExists = errors.New("already exists")
	// ErrIDTaken: the id belongs to a run with another natural key.
	ErrIDTaken = errors.New("id belongs to another run")
	// ErrUnknownParent: the flow, the flow run or the task run that a new run names does
	// not exist.
	ErrUnknownParent = errors.New("names an object that does not exist")
	// ErrUnavailable: the store cannot be reached for now, or cannot take more.
	ErrUnavailable = errors.New("store unavailable")
	// ErrForbidden: the caller lacks the permission to create an object. The parts of the operation that do not need
	// the permission are done.
	ErrForbidden = errors.New("not permitted")
)

// Store keeps runs. A write is durable, and visible to later reads through the same store, when the method returns
// without an error; every method may also return ErrUnavailable, or a *RejectedError. After ErrConflict, ErrExists,
// InvalidError and RejectedError a write has had no effect. After any other error, its outcome is unknown.
type Store interface {
	Lister

	// Get returns the run with this id, or ErrNotFound.
	Get(ctx context.Context, id string) (*Run, error)
	// Known returns the run with this id if it is cached. A nil result does not mean
	// that the run does not exist.
	Known(id string) *Run
	// Find returns the run with this natural key, or ErrNotFound. It can miss recent writes of other replicas. Only
	// Create detects every existing run.
	Find(ctx context.Context, key NaturalKey) (*Run, error)
	// Reload reads the run without a cache: the result is no older than the call. It also returns ErrNotFound if the
	// object was deleted and created again.
	Reload(ctx context.Context, stale *Run) (*Run, error)
	// Create stores a new run under run.ID and returns it as stored. The run is in its initial state (see Begin): only
	// run.State is stored of its progress, and of run.Delivery the holder (see DeliverFirst). The rest follows from
	// these. If a run with that id exists under any object name, Create returns that run and ErrExists.
	Create(ctx context.Context, run *Run) (*Run, error)
	// UpdateProgress replaces all fields that transitions and events change (Progress, History, HistoryDropped,
	// Reported, Delivery, Decisions, Updated) if the stored run still has run.Ref. Otherwise it returns ErrConflict, or
	// ErrNotFound if the run was deleted.
	UpdateProgress(ctx context.Context, run *Run) (*Run, error)
	// Rename sets the run's name and its Updated time. ErrNotFound.
	Rename(ctx context.Context, id, name string, at time.Time) error
	// Delete deletes the run. If ref is given and the run has changed since, it returns ErrConflict. With nil it
	// deletes any version. ErrNotFound.
	Delete(ctx context.Context, id string, ifUnchanged *ObjectRef) error
	// State returns the state with this id and the run that holds it. ErrNotFound.
	State(ctx context.Context, stateID string) (*orchestration.State, *Run, error)
	// CacheEntry returns the newest cache entry under this key that has not expired, or ErrNotFound.
	CacheEntry(ctx context.Context, key string, now time.Time) (*orchestration.State, error)
	// Follow returns the current runs and then calls change for every run that is created (before is nil), changed or
	// deleted (after is nil). No change is missed or passed twice. The changes of one run are passed in order. change
	// must neither block nor call the store. After stop it is not called again.
	Follow(change func(before, after *Run)) (now iter.Seq[*Run], stop func())
	// ChangedSince returns the runs whose Run.LastRecorded is not earlier than since, unsorted and from one snapshot.
	ChangedSince(since time.Time) []*Run
	// DeletedAt returns the time of the last deletion of a run with this id. Deletions are remembered for at least an
	// hour, unless there are very many.
	DeletedAt(id string) (time.Time, bool)
	// Ready returns nil if the store can be reached and reads are complete.
	Ready(ctx context.Context) error
}

// Lister reads many runs. Its methods end with the context, and return its error then.
type Lister interface {
	// Query returns the runs that match, sorted and paged as q says.
	Query(ctx context.Context, q Query) (Page, error)
	// Each calls visit for every matching run, unsorted. The runs of one namespace are those of one snapshot. Each does
	// not block writers.
	Each(ctx context.Context, f Filter, visit func(*Run)) error
	// Count returns the number of matching runs.
	Count(ctx context.Context, f Filter) (int, error)
}

// NaturalKey identifies creates of the same run (contract §1.4).
type NaturalKey struct {
	FlowRunID  string
	TaskKey    string
	DynamicKey string
}

// NaturalKey returns the run's natural key.
func (r *Run) NaturalKey() NaturalKey {
	return NaturalKey{FlowRunID: r.FlowRunID, TaskKey: r.TaskKey, DynamicKey: r.DynamicKey}
}

// InvalidError reports a value beyond a limit of this system. Field is
// the documented name, such as "tags" or "state.data".
type InvalidError struct {
	Field  string
	Reason string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Reason }

// Notifier is called after writes.
type Notifier interface {
	// Transitioned is called once for each written state.
	Transitioned(before, after *Run, decision orchestration.Decision)
}

// UnfitError is ErrUnavailable until an administrator changes the cluster.
type UnfitError struct{ Reason string }

func (e *UnfitError) Error() string { return ErrUnavailable.Error() + ": " + e.Reason }

// Unwrap returns ErrUnavailable.
func (e *UnfitError) Unwrap() error { return ErrUnavailable }
