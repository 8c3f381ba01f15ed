package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/apidocs"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// pathOpenAPI is served below the base path and, as Prefect does, at the root.
const pathOpenAPI = "/openapi.json"

// openAPI responds with the document of the routes that are served.
func (s *namespaceHandler) openAPI(r *request) (response, error) {
	text, err := s.document.JSON(r.base)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: text}, nil
}

// docs responds with the page that shows the document.
func (s *namespaceHandler) docs(r *request) (response, error) {
	page, err := apidocs.Page(r.slashes)
	if err != nil {
		return response{}, err
	}
	return respondFile(page).with("Content-Security-Policy", apidocs.PagePolicy), nil
}

// docsAsset responds with a file that the page loads.
func (s *namespaceHandler) docsAsset(r *request) (response, error) {
	file, known, err := apidocs.Asset(r.parameter)
	switch {
	case err != nil:
		return response{}, err
	case !known:
		return response{}, taskrun.ErrNotFound
	default:
		return respondFile(file), nil
	}
}

func respondFile(f apidocs.File) response {
	return response{status: http.StatusOK, body: f.Text, mimeType: f.MIMEType, gzipped: f.Gzipped}.
		with("X-Content-Type-Options", "nosniff")
}
