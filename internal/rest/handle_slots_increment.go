package rest

import "net/http"

// increment takes slots that are held until they are given back.
func (s *space) increment(r *request) (response, error) {
	in, faults := decodeIncrement(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	_, limits, err := s.Limits.Acquire(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendLimits(nil, limits, appendLimitName)}, nil
}
