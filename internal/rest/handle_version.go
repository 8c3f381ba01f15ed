package rest

import "net/http"

// version answers with the version of this interface.
func (s *space) version(*request) (response, error) {
	return jsonBody(http.StatusOK, `"`+apiVersion+`"`), nil
}
