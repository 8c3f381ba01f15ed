package rest

import (
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
)

// filterLimits answers with all limits, by name.
func (s *space) filterLimits(r *request) (response, error) {
	return s.listLimits(r, "", appendLimit)
}

// listLimits answers with the limits whose names begin with the prefix.
func (s *space) listLimits(r *request, prefix string, appendOne func([]byte, *concurrency.View) []byte) (response, error) {
	asked := decodeLimits(r.body)
	if err := asked.fault(r); err != nil {
		return response{}, err
	}
	limits, err := s.Limits.List(r.ctx, prefix, asked.query.Offset, asked.query.Limit)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", limits, roomForText, appendOne)
}
