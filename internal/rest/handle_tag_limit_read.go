package rest

import (
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// readTagLimit answers with the limit of an id, if it is one of a tag.
func (s *space) readTagLimit(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, concurrency.Key{ID: r.parameter})
	if err != nil {
		return response{}, err
	}
	if !strings.HasPrefix(limit.Name, tagPrefix) {
		return response{}, taskrun.ErrNotFound
	}
	return response{status: http.StatusOK, body: appendTagLimit(nil, limit)}, nil
}

// readLimitOfTag answers with the limit of a tag.
func (s *space) readLimitOfTag(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, ofTag(r.parameter))
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendTagLimit(nil, limit)}, nil
}
