package rest

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// createLimit creates a limit.
func (s *namespaceHandler) createLimit(r *request) (response, error) {
	in, err := wire.DecodeLimitCreate(r.body)
	if err != nil {
		return response{}, err
	}
	limit, err := s.Limits.Create(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusCreated, body: wire.AppendWholeLimit(nil, limit)}, nil
}

// readLimit responds with the limit of an id or name.
func (s *namespaceHandler) readLimit(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, wire.LimitKey(r.parameter))
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimit(nil, limit)}, nil
}

// filterLimits responds with all limits, sorted by name.
func (s *namespaceHandler) filterLimits(r *request) (response, error) {
	return s.listLimits(r, "", wire.AppendLimit)
}

// listLimits responds with the limits whose names begin with the prefix.
func (s *namespaceHandler) listLimits(r *request, prefix string, appendOne func([]byte, *concurrency.View) []byte) (response, error) {
	limit, offset, err := wire.DecodeLimits(r.body)
	if err != nil {
		return response{}, err
	}
	limits, err := s.Limits.List(r.ctx, prefix, offset, limit)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", limits, wire.TextSize, appendOne)
}

// updateLimit changes the fields of the body. Prefect's model accepts null for any field, and its database rejects it
// if the limit exists.
func (s *namespaceHandler) updateLimit(r *request) (response, error) {
	in, err := wire.DecodeLimitUpdate(r.body)
	if err != nil {
		return response{}, err
	}
	key := wire.LimitKey(r.parameter)
	if in.Null {
		_, err := s.Limits.Get(r.ctx, key)
		return response{}, cmp.Or(err, wire.NewDetailError(http.StatusConflict, textTaken))
	}
	if err := s.Limits.Update(r.ctx, key, in.Change); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

// removeLimit deletes the limit of an id or name.
func (s *namespaceHandler) removeLimit(r *request) (response, error) {
	if err := s.Limits.Delete(r.ctx, wire.LimitKey(r.parameter)); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

// Limits are the use cases of concurrency limits. ErrNotFound means that the limit does not exist, ErrExists that
// another one has the name. *taskrun.InvalidError, ErrConflict and ErrUnavailable are those of package taskrun.
type Limits interface {
	// Create creates a limit. ErrExists.
	Create(ctx context.Context, in concurrency.NewLimit) (*concurrency.View, error)
	// Put creates the limit of the name, or changes its number of slots if it exists. taskrun.ErrForbidden if the caller has
	// no permission to create it.
	Put(ctx context.Context, name string, slots int) (limit *concurrency.View, created bool, err error)
	// Get returns a limit. ErrNotFound.
	Get(ctx context.Context, key concurrency.Key) (*concurrency.View, error)
	// List returns at most limit entries whose names begin with the prefix, sorted by name, without the first offset.
	List(ctx context.Context, prefix string, offset, limit int) ([]*concurrency.View, error)
	// Update changes the fields that are not nil. ErrNotFound, ErrExists.
	Update(ctx context.Context, key concurrency.Key, change concurrency.Change) error
	// Delete removes a limit with its slots. ErrNotFound.
	Delete(ctx context.Context, key concurrency.Key) error
	// Reset releases all slots of a limit, and acquires one for each of the runs. ErrNotFound.
	Reset(ctx context.Context, name string, runIDs []string) error

	// Acquire acquires slots of all active limits of the names, or none. It returns all limits of the names, inactive ones
	// too. Names without a limit are ignored. *concurrency.LockedError, concurrency.ErrTooManySlots,
	// *concurrency.NoDecayError.
	Acquire(ctx context.Context, in concurrency.Acquisition) (leaseID string, limits []*concurrency.View, err error)
	// Release releases slots of the active limits of the names that were acquired without a lease. It returns all limits of
	// the names.
	Release(ctx context.Context, in concurrency.Released) ([]*concurrency.View, error)
	// Renew sets the remaining TTL of a lease. concurrency.ErrNoLease.
	Renew(ctx context.Context, leaseID string, ttl time.Duration) error
	// ReleaseLease releases the slots of a lease. A lease that has ended has none.
	ReleaseLease(ctx context.Context, leaseID string) error
	// AcquireForRun acquires a slot of each active limit of the tags for the run, or none, and returns these limits.
	// *concurrency.LockedError with its Tag.
	AcquireForRun(ctx context.Context, tags []string, runID string) ([]*concurrency.View, error)
	// ReleaseForRun releases the slots of AcquireForRun, and returns all limits of the tags.
	ReleaseForRun(ctx context.Context, tags []string, runID string) ([]*concurrency.View, error)
}

// increment acquires slots, which are held until they are released.
func (s *namespaceHandler) increment(r *request) (response, error) {
	in, err := wire.DecodeIncrement(r.body)
	if err != nil {
		return response{}, err
	}
	_, limits, err := s.Limits.Acquire(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimits(nil, limits, wire.AppendLimitName)}, nil
}

// incrementWithLease acquires slots, which are held while the lease is renewed.
func (s *namespaceHandler) incrementWithLease(r *request) (response, error) {
	in, err := wire.DecodeIncrementWithLease(r.body)
	if err != nil {
		return response{}, err
	}
	lease, limits, err := s.Limits.Acquire(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLease(nil, lease, limits)}, nil
}

// decrement releases slots that were acquired without a lease.
func (s *namespaceHandler) decrement(r *request) (response, error) {
	in, err := wire.DecodeDecrement(r.body)
	if err != nil {
		return response{}, err
	}
	limits, err := s.Limits.Release(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimits(nil, limits, wire.AppendLimitName)}, nil
}

// decrementWithLease releases the slots of a lease, if it exists.
func (s *namespaceHandler) decrementWithLease(r *request) (response, error) {
	lease, err := wire.DecodeLease(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Limits.ReleaseLease(r.ctx, lease); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

// renewLease renews a lease.
func (s *namespaceHandler) renewLease(r *request) (response, error) {
	lease, life, err := wire.DecodeRenewal(r.parameter, r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Limits.Renew(r.ctx, lease, life); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
