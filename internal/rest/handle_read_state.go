package rest

import "net/http"

// readState answers with one state, current or past.
func (s *space) readState(r *request) (response, error) {
	state, run, err := s.Runs.State(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendState(make([]byte, 0, roomForRun), run, state)}, nil
}
