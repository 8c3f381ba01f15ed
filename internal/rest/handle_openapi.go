package rest

import "net/http"

// pathOpenAPI is served below the base path and, as Prefect does, at the root.
const pathOpenAPI = "/openapi.json"

// openAPI answers with the document of the routes that are served.
func (s *space) openAPI(r *request) (response, error) {
	text, err := s.document(r.base)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: text}, nil
}
