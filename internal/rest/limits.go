package rest

import (
	"context"
	"errors"
	"time"
)

// Limits are the use cases about concurrency limits that requests ask for. Of
// the errors of package taskrun, ErrNotFound tells that there is no such limit,
// ErrExists that another one has the name; *taskrun.InvalidError, ErrConflict
// and ErrUnavailable mean what they mean there.
type Limits interface {
	// Create makes a limit. ErrExists.
	Create(ctx context.Context, in NewLimit) (*Limit, error)
	// Put makes the limit of the name, or sets how many slots it has; created
	// tells which.
	Put(ctx context.Context, name string, slots int) (limit *Limit, created bool, err error)
	// Get returns a limit. ErrNotFound.
	Get(ctx context.Context, key LimitKey) (*Limit, error)
	// List returns the limits whose names begin with the prefix, sorted by name,
	// without the first offset, at most most.
	List(ctx context.Context, prefix string, offset, most int) ([]*Limit, error)
	// Update changes what is not nil. ErrNotFound, ErrExists.
	Update(ctx context.Context, key LimitKey, change LimitChange) error
	// Delete removes a limit with all that is held of it. ErrNotFound.
	Delete(ctx context.Context, key LimitKey) error
	// Reset ends all that is held of a limit; then each of the runs holds a slot.
	// ErrNotFound.
	Reset(ctx context.Context, name string, runIDs []string) error

	// Acquire takes slots of all active limits of the names, or none. The limits
	// returned are all that have one of the names, the inactive among them. Names
	// without a limit are left out. *LockedError, ErrTooManySlots, *NoDecayError.
	Acquire(ctx context.Context, in Acquisition) (leaseID string, limits []*Limit, err error)
	// Release gives slots back that were taken without a lease, of the active
	// limits of the names. It returns all limits that have one of the names.
	Release(ctx context.Context, in Returned) ([]*Limit, error)
	// Renew lets a lease live that long from now. ErrLeaseGone.
	Renew(ctx context.Context, leaseID string, life time.Duration) error
	// ReleaseLease gives the slots of a lease back; a lease that is gone has none.
	ReleaseLease(ctx context.Context, leaseID string) error
	// AcquireForRun takes a slot for the run of every active limit of the tags, or
	// none, and returns these limits. *LockedError with its Tag.
	AcquireForRun(ctx context.Context, tags []string, runID string) ([]*Limit, error)
	// ReleaseForRun gives back what AcquireForRun took, and returns all limits of
	// the tags.
	ReleaseForRun(ctx context.Context, tags []string, runID string) ([]*Limit, error)
}

// Limit is a concurrency limit as it stands.
type Limit struct {
	ID, Name         string
	Created, Updated time.Time
	Active           bool
	Limit            int // slots there are
	ActiveSlots      int // slots taken
	DeniedSlots      int // slots refused of late
	// SlotDecayPerSecond is how many slots become free by themselves.
	SlotDecayPerSecond float64
	// AvgSlotOccupancySeconds is how long slots were held of late, on average.
	AvgSlotOccupancySeconds float64
	// RunIDs are the task runs that hold slots.
	RunIDs []string
}

// LimitKey names a limit: by its id, or else by its name.
type LimitKey struct{ ID, Name string }

// NewLimit is a limit to be made.
type NewLimit struct {
	Name                            string
	Active                          bool
	Limit, ActiveSlots, DeniedSlots int
	SlotDecayPerSecond              float64
}

// LimitChange is what is to be changed of a limit.
type LimitChange struct {
	Name                            *string
	Active                          *bool
	Limit, ActiveSlots, DeniedSlots *int
	SlotDecayPerSecond              *float64
}

// Acquisition asks for slots.
type Acquisition struct {
	Names     []string
	Slots     int
	RateLimit bool          // only limits whose slots decay will do
	Lease     time.Duration // how long the slots are held if nobody renews; 0: until given back
	Holder    *Holder       // nil: not told
}

// Holder is who holds a lease.
type Holder struct{ Kind, ID string }

// Returned gives slots back.
type Returned struct {
	Names     []string
	Slots     int
	Occupancy *time.Duration // how long they were held, all together; nil: not told
}

// Errors of slots; test for them with errors.Is.
var (
	// ErrTooManySlots: more slots are asked for than an active limit has.
	ErrTooManySlots = errors.New("more slots than the limit has")
	// ErrLeaseGone: the lease ran out, was given back, or never was.
	ErrLeaseGone = errors.New("no such lease")
)

// LockedError tells that a limit has no free slot.
type LockedError struct {
	// Tag is the first of the tags, if tags were asked for.
	Tag string
	// Never tells that the tag's limit is 0, so that trying again is in vain.
	Never bool
	// RetryAfter is when to try again.
	RetryAfter time.Duration
}

func (e *LockedError) Error() string { return "no free slot" }

// NoDecayError tells which limits cannot be used as rate limits.
type NoDecayError struct{ Names []string }

func (e *NoDecayError) Error() string { return "limits without slot decay" }
