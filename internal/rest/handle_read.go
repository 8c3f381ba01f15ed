package rest

import "net/http"

// read answers with a run.
func (s *space) read(r *request) (response, error) {
	run, err := s.Runs.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendRun(make([]byte, 0, roomForRun), run, s.now())}, nil
}
