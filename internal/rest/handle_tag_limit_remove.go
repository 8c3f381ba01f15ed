package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
)

// removeTagLimit deletes the limit of an id.
func (s *space) removeTagLimit(r *request) (response, error) {
	return s.removed(r, concurrency.Key{ID: r.parameter})
}

// removeLimitOfTag deletes the limit of a tag.
func (s *space) removeLimitOfTag(r *request) (response, error) {
	return s.removed(r, ofTag(r.parameter))
}

// removed deletes a limit; unlike all other routes that delete, these say null.
func (s *space) removed(r *request, key concurrency.Key) (response, error) {
	if err := s.Limits.Delete(r.ctx, key); err != nil {
		return response{}, err
	}
	return saysNull(), nil
}

// saysNull is the answer of routes that have nothing to say.
func saysNull() response { return response{status: http.StatusOK, body: []byte("null")} }
