package rest

import "net/http"

// hello waves.
func (s *Server) hello(*request) (response, error) {
	return jsonBody(http.StatusOK, `"👋"`), nil
}
