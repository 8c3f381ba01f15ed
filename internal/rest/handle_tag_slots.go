package rest

import "net/http"

// incrementTags takes a slot of the limit of each tag for a task run.
func (s *space) incrementTags(r *request) (response, error) {
	in, faults := decodeTagSlots(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	limits, err := s.Limits.AcquireForRun(r.ctx, in.tags, in.runID)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendLimits(nil, limits, appendLimitTag)}, nil
}

// decrementTags gives back what a task run took. The names in the answer have
// the prefix that those of incrementTags have not (contract §4.6).
func (s *space) decrementTags(r *request) (response, error) {
	in, faults := decodeTagSlots(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	limits, err := s.Limits.ReleaseForRun(r.ctx, in.tags, in.runID)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendLimits(nil, limits, appendLimitName)}, nil
}
