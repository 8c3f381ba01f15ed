package rest

import "net/http"

// readLimit answers with the limit of an id or name.
func (s *space) readLimit(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, limitKey(r.parameter))
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendLimit(nil, limit)}, nil
}
