package rest

import (
	"cmp"
	"net/http"
)

// updateLimit changes what the body has. Prefect's model takes a null for any
// field, and its database refuses it, if there is such a limit at all.
func (s *space) updateLimit(r *request) (response, error) {
	in, faults := decodeLimitUpdate(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	key := limitKey(r.parameter)
	if in.null {
		_, err := s.Limits.Get(r.ctx, key)
		return response{}, cmp.Or(err, detail(http.StatusConflict, textTaken))
	}
	if err := s.Limits.Update(r.ctx, key, in.Change); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
