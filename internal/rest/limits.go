package rest

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
)

// Limits are the use cases about concurrency limits that requests ask for. Of
// the errors of package taskrun, ErrNotFound tells that there is no such limit,
// ErrExists that another one has the name; *taskrun.InvalidError, ErrConflict
// and ErrUnavailable mean what they mean there.
type Limits interface {
	// Create makes a limit. ErrExists.
	Create(ctx context.Context, in concurrency.NewLimit) (*concurrency.View, error)
	// Put makes the limit of the name, or sets how many slots it has; created
	// tells which. taskrun.ErrForbidden if the caller may not create the limit.
	Put(ctx context.Context, name string, slots int) (limit *concurrency.View, created bool, err error)
	// Get returns a limit. ErrNotFound.
	Get(ctx context.Context, key concurrency.Key) (*concurrency.View, error)
	// List returns the limits whose names begin with the prefix, sorted by name,
	// without the first offset, at most most.
	List(ctx context.Context, prefix string, offset, most int) ([]*concurrency.View, error)
	// Update changes what is not nil. ErrNotFound, ErrExists.
	Update(ctx context.Context, key concurrency.Key, change concurrency.Change) error
	// Delete removes a limit with all that is held of it. ErrNotFound.
	Delete(ctx context.Context, key concurrency.Key) error
	// Reset ends all that is held of a limit; then each of the runs holds a slot.
	// ErrNotFound.
	Reset(ctx context.Context, name string, runIDs []string) error

	// Acquire takes slots of all active limits of the names, or none. The limits
	// returned are all that have one of the names, the inactive among them. Names
	// without a limit are left out. *concurrency.LockedError, concurrency.ErrTooManySlots, *concurrency.NoDecayError.
	Acquire(ctx context.Context, in concurrency.Acquisition) (leaseID string, limits []*concurrency.View, err error)
	// Release gives slots back that were taken without a lease, of the active
	// limits of the names. It returns all limits that have one of the names.
	Release(ctx context.Context, in concurrency.Released) ([]*concurrency.View, error)
	// Renew sets the remaining TTL of a lease. concurrency.ErrNoLease.
	Renew(ctx context.Context, leaseID string, life time.Duration) error
	// ReleaseLease gives the slots of a lease back; a lease that is gone has none.
	ReleaseLease(ctx context.Context, leaseID string) error
	// AcquireForRun takes a slot for the run of every active limit of the tags, or
	// none, and returns these limits. *concurrency.LockedError with its Tag.
	AcquireForRun(ctx context.Context, tags []string, runID string) ([]*concurrency.View, error)
	// ReleaseForRun gives back what AcquireForRun took, and returns all limits of
	// the tags.
	ReleaseForRun(ctx context.Context, tags []string, runID string) ([]*concurrency.View, error)
}
