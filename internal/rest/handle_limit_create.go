package rest

import "net/http"

// createLimit makes a limit.
func (s *space) createLimit(r *request) (response, error) {
	in, faults := decodeLimitCreate(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	limit, err := s.Limits.Create(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusCreated, body: appendWholeLimit(nil, limit)}, nil
}
