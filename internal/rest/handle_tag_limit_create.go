package rest

import "net/http"

// createTagLimit makes the limit of a tag, or sets how many slots it has.
func (s *space) createTagLimit(r *request) (response, error) {
	tag, slots, faults := decodeTagLimitCreate(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	limit, created, err := s.Limits.Put(r.ctx, tagPrefix+tag, slots)
	if err != nil {
		return response{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return response{status: status, body: appendTagLimit(nil, limit)}, nil
}
