package rest

import "net/http"

// rename gives a run another name. Without a name in the body the run keeps
// its own, and only the time of the last write moves (contract §1.4).
func (s *space) rename(r *request) (response, error) {
	name, faults := decodeUpdate(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	if name == nil {
		run, err := s.Runs.Get(r.ctx, r.parameter)
		if err != nil {
			return response{}, err
		}
		name = &run.Name
	}
	if err := s.Runs.Rename(r.ctx, r.parameter, *name); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
