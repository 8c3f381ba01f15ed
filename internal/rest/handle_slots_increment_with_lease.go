package rest

import "net/http"

// incrementWithLease takes slots that are held as long as the lease is renewed.
func (s *space) incrementWithLease(r *request) (response, error) {
	in, faults := decodeIncrementWithLease(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	lease, limits, err := s.Limits.Acquire(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendLease(nil, lease, limits)}, nil
}
