package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// csrfToken gives a client a token, or tells it that it needs none: the text is
// what makes it stop asking (contract §0.4).
func (s *space) csrfToken(r *request) (response, error) {
	client, given := queryValue(r.query, "client")
	if !given {
		missing := validate.Missing(nullValue, "query", "client")
		return response{}, &invalidError{items: []validate.Error{missing}, body: nullValue}
	}
	if s.csrf == nil {
		// No error: every client of Prefect asks, and this is the regular response.
		return jsonMember(http.StatusUnprocessableEntity, keyDetail, textCSRFIsOff), nil
	}
	now := s.now()
	until := now.Add(tokenLife)
	body := appendToken(make([]byte, 0, roomForText), s.csrf.token(client, until), client, now, until)
	return response{status: http.StatusOK, body: body}, nil
}
