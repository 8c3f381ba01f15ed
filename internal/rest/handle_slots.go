package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// increment acquires slots, which are held until they are released.
func (s *namespaceHandler) increment(r *request) (response, error) {
	in, errs := wire.DecodeIncrement(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	_, limits, err := s.Limits.Acquire(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimits(nil, limits, wire.AppendLimitName)}, nil
}

// incrementWithLease acquires slots, which are held while the lease is renewed.
func (s *namespaceHandler) incrementWithLease(r *request) (response, error) {
	in, errs := wire.DecodeIncrementWithLease(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	lease, limits, err := s.Limits.Acquire(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLease(nil, lease, limits)}, nil
}

// decrement releases slots that were acquired without a lease.
func (s *namespaceHandler) decrement(r *request) (response, error) {
	in, errs := wire.DecodeDecrement(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	limits, err := s.Limits.Release(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimits(nil, limits, wire.AppendLimitName)}, nil
}

// decrementWithLease releases the slots of a lease, if it exists.
func (s *namespaceHandler) decrementWithLease(r *request) (response, error) {
	lease, errs := wire.DecodeLease(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	if err := s.Limits.ReleaseLease(r.ctx, lease); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

// renewLease renews a lease.
func (s *namespaceHandler) renewLease(r *request) (response, error) {
	lease, life, errs := wire.DecodeRenewal(r.parameter, r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	if err := s.Limits.Renew(r.ctx, lease, life); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
