package rest

import (
	"net/http"
	"strconv"
)

// count answers with how many runs match.
func (s *space) count(r *request) (response, error) {
	asked := decodeCount(r.body)
	if err := asked.fault(r); err != nil {
		return response{}, err
	}
	n, err := s.Runs.Count(r.ctx, asked.query.Filter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: strconv.AppendInt(nil, int64(n), 10)}, nil
}
