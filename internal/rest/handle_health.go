package rest

import "net/http"

// health tells that the server lives, whatever its store does.
func (s *space) health(*request) (response, error) {
	return jsonBody(http.StatusOK, "true"), nil
}
