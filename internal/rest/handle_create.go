package rest

import "net/http"

// create makes a run, or finds the one that has its keys (contract §1.4).
func (s *space) create(r *request) (response, error) {
	in, faults := decodeCreate(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: withDeprecatedPolicy(r.body)}
	}
	run, created, err := s.Runs.Create(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return response{status: status, body: appendRun(make([]byte, 0, roomForRun), run, s.now())}, nil
}
