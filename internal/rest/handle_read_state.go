package rest

import "net/http"

// readState answers with one state, current or past.
func (s *Server) readState(r *request) (response, error) {
	state, run, err := s.runs.State(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendState(make([]byte, 0, roomForRun), run, state)}, nil
}
