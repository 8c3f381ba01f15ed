package rest

import (
	"embed"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/swaggest/swgui/v5/static"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// page is what is ours of the page that shows the document; the rest is Swagger UI.
//
//go:embed page
var page embed.FS

// asset is a file of the page.
type asset struct {
	files    fs.FS
	name     string
	mimeType string
	gzipped  bool // what is embedded is compressed
}

const (
	typeHTML   = "text/html; charset=utf-8"
	typeScript = "text/javascript; charset=utf-8"
	typeStyle  = "text/css; charset=utf-8"
	typePNG    = "image/png"
)

var indexPage = asset{page, "page/index.html", typeHTML, false}

// assets are the files that the page loads, by name.
var assets = map[string]asset{
	"start.js":             {page, "page/start.js", typeScript, false},
	"swagger-ui-bundle.js": {static.FS, "swagger-ui-bundle.js.gz", typeScript, true},
	"swagger-ui.css":       {static.FS, "swagger-ui.css.gz", typeStyle, true},
	"favicon-32x32.png":    {static.FS, "favicon-32x32.png", typePNG, false},
}

// pagePolicy lets the page load nothing but what this server has, and nobody
// frame it. Pictures are also in the styles of Swagger UI.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docs answers with the page that shows the document. What the page loads is relative
// to its own path.
func (s *space) docs(r *request) (response, error) {
	answer, err := indexPage.response()
	if up := strings.Repeat("../", r.slashes); up != "" {
		answer.body = loaded.ReplaceAll(answer.body, []byte(`${1}="`+up+`$2"`))
	}
	return answer.with("Content-Security-Policy", pagePolicy), err
}

// loaded finds what the page loads or links to.
var loaded = regexp.MustCompile(`(href|src)="([^"]*)"`)

// docsAsset answers with a file that the page loads.
func (s *space) docsAsset(r *request) (response, error) {
	a, known := assets[r.parameter]
	if !known {
		return response{}, taskrun.ErrNotFound
	}
	return a.response()
}

func (a asset) response() (response, error) {
	text, err := fs.ReadFile(a.files, a.name)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: text, mimeType: a.mimeType, gzipped: a.gzipped}.
		with("X-Content-Type-Options", "nosniff"), nil
}

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
