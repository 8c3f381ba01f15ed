package rest

import "net/http"

// decrementWithLease gives back what a lease holds, if there is one.
func (s *space) decrementWithLease(r *request) (response, error) {
	lease, faults := decodeLease(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	if err := s.Limits.ReleaseLease(r.ctx, lease); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
