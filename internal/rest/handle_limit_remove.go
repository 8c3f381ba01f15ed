package rest

import "net/http"

// removeLimit deletes the limit of an id or name.
func (s *Server) removeLimit(r *request) (response, error) {
	if err := s.limits.Delete(r.ctx, limitKey(r.parameter)); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
