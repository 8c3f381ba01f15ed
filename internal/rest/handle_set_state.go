package rest

import "net/http"

// setState proposes a state and answers with the verdict. The status tells
// whether a state was written (contract §0.11).
func (s *space) setState(r *request) (response, error) {
	proposal, faults := decodeSetState(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	outcome, err := s.Runs.SetState(r.ctx, r.parameter, proposal)
	if err != nil {
		return response{}, err
	}
	status := http.StatusOK
	if outcome.Written {
		status = http.StatusCreated
	}
	return response{status: status, body: appendResult(make([]byte, 0, roomForRun), &outcome)}, nil
}
