package rest

import "net/http"

// remove deletes a run with its states.
func (s *space) remove(r *request) (response, error) {
	if err := s.Runs.Delete(r.ctx, r.parameter); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
