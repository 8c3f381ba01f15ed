package rest

import "net/http"

// removeLimit deletes the limit of an id or name.
func (s *space) removeLimit(r *request) (response, error) {
	if err := s.Limits.Delete(r.ctx, limitKey(r.parameter)); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
