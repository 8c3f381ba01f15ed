package concurrency

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Store stores limits. Errors are those of package taskrun: ErrNotFound,
// ErrConflict, ErrExists, ErrUnavailable, *InvalidError.
type Store interface {
	// List returns all limits of the cache, in any order. The caller must not change
	// them.
	List(ctx context.Context) ([]*Limit, error)
	// Undecodable returns a *taskrun.UndecodableError if the limit with this key
	// exists and cannot be decoded. List does not return such a limit.
	Undecodable(key Key) error
	// Refresh reads all limits from the source of truth. Later results of List are at
	// least as new as the call.
	Refresh(ctx context.Context) error
	// Create stores a new limit. ErrExists if a limit has the name.
	Create(ctx context.Context, l *Limit) (*Limit, error)
	// UpdateTerms replaces the requested fields (Name, Active, Slots, Decay) if the
	// stored limit still has l.Revision. Otherwise ErrConflict.
	UpdateTerms(ctx context.Context, l *Limit) (*Limit, error)
	// UpdateUse replaces the other fields, including Recorded, in the same way.
	UpdateUse(ctx context.Context, l *Limit) (*Limit, error)
	// Reload reads one limit from the source of truth. ErrNotFound.
	Reload(ctx context.Context, stale *Limit) (*Limit, error)
	// Delete removes a limit. ErrNotFound.
	Delete(ctx context.Context, l *Limit) error
}

// Runs reads task runs.
type Runs interface {
	// Known returns the run from the cache. A nil result does not mean that the run
	// does not exist.
	Known(id string) *taskrun.Run
	// Reload reads a run from the source of truth. ErrNotFound if the run was deleted, also
	// if a new run has its name.
	Reload(ctx context.Context, stale *taskrun.Run) (*taskrun.Run, error)
	// Fence writes and returns the run, so that the compare-and-swap of every earlier
	// reader fails. ErrNotFound.
	Fence(ctx context.Context, id string) (*taskrun.Run, error)
}
