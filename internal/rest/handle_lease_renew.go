package rest

import "net/http"

// renewLease lets a lease live on.
func (s *space) renewLease(r *request) (response, error) {
	lease, life, faults := decodeRenewal(r.parameter, r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	if err := s.Limits.Renew(r.ctx, lease, life); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
