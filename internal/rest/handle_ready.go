package rest

import "net/http"

// ready tells whether runs can be served.
func (s *space) ready(r *request) (response, error) {
	if err := s.Runs.Ready(r.ctx); err != nil {
		return response{}, &notReadyError{err}
	}
	return jsonMember(http.StatusOK, "message", "OK"), nil
}
