package rest

import "net/http"

// create makes a run, or finds the one that has its keys (contract §1.4). A state
// with a result needs the permission that a later set_state would need.
func (s *space) create(r *request) (response, error) {
	in, faults := decodeCreate(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: withDeprecatedPolicy(r.body)}
	}
	if in.State != nil && in.State.HasResult() {
		if err := s.checkPermission(r.ctx, r.caller, VerbUpdate, ResourceTaskRunStates, s.namespace); err != nil {
			return response{}, err
		}
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
