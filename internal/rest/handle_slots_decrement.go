package rest

import "net/http"

// decrement gives slots back that were taken without a lease.
func (s *space) decrement(r *request) (response, error) {
	in, faults := decodeDecrement(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	limits, err := s.Limits.Release(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendLimits(nil, limits, appendLimitName)}, nil
}
