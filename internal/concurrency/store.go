package concurrency

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Store keeps limits. Errors are those of package taskrun: ErrNotFound,
// ErrConflict, ErrExists, ErrUnavailable, *InvalidError.
type Store interface {
	// List returns all limits that can be told without asking anybody, in any
	// order. What they refer to must not be changed.
	List(ctx context.Context) ([]*Limit, error)
	// Undecodable returns a *taskrun.UndecodableError if the limit that the key
	// names exists and cannot be decoded. List does not return such a limit.
	Undecodable(key Key) error
	// Refresh reads all limits past any cache: what List returns afterwards is no
	// older than the call.
	Refresh(ctx context.Context) error
	// Create stores a new limit. ErrExists when there is one of that name.
	Create(ctx context.Context, l *Limit) (*Limit, error)
	// UpdateTerms replaces what was asked for (Name, Active, Slots, Decay) if the
	// stored limit still has l.Revision, else ErrConflict.
	UpdateTerms(ctx context.Context, l *Limit) (*Limit, error)
	// UpdateUse replaces the rest, Recorded included, in the same way.
	UpdateUse(ctx context.Context, l *Limit) (*Limit, error)
	// Reload reads one limit past any cache. ErrNotFound.
	Reload(ctx context.Context, stale *Limit) (*Limit, error)
	// Delete removes a limit. ErrNotFound.
	Delete(ctx context.Context, l *Limit) error
}

// Runs tell what runs do.
type Runs interface {
	// Known returns the run if it can be told without asking anybody; nil says
	// nothing about whether there is one.
	Known(id string) *taskrun.Run
	// Reload reads a run past any cache. ErrNotFound if it was deleted, or made anew.
	Reload(ctx context.Context, stale *taskrun.Run) (*taskrun.Run, error)
	// Fence returns the run after making sure that everybody who read it before
	// cannot write it any more: their compare-and-swap will fail. ErrNotFound.
	Fence(ctx context.Context, id string) (*taskrun.Run, error)
}
