package rest

import "net/http"

// hello waves.
func (s *space) hello(*request) (response, error) {
	return jsonBody(http.StatusOK, `"👋"`), nil
}
