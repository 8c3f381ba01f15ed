package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// csrfToken tells a client that it needs no token: the text is what makes it
// stop asking (contract §0.4).
func (s *Server) csrfToken(r *request) (response, error) {
	if _, given := queryValue(r.query, "client"); !given {
		missing := validate.Missing(nullValue, "query", "client")
		return response{}, &invalidError{items: []validate.Error{missing}, body: nullValue}
	}
	return response{}, detail(http.StatusUnprocessableEntity, "CSRF protection is disabled.")
}
