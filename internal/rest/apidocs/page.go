package apidocs

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/swaggest/swgui/v5/static"
)

// page holds the files of the page that are written for this operator. The other files are those of Swagger UI.
//
//go:embed page
var page embed.FS

// asset is the place of an embedded file.
type asset struct {
	files    fs.FS
	name     string
	mimeType string
	gzipped  bool // the embedded bytes are compressed
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

// PagePolicy is the Content-Security-Policy of the page. The page can load only files of this server, and no other page
// can frame it. The styles of Swagger UI contain images as data URLs.
const PagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// File is the content of a file of the page.
type File struct {
	Text     []byte
	MIMEType string
	Gzipped  bool // Text is compressed
}

// links matches the references of the page to the files that it loads.
var links = regexp.MustCompile(`(href|src)="([^"]*)"`)

// Page returns the page. Its references are relative to its own path. depth is the number of slashes at the end of that
// path: the references go up one level for each.
func Page(depth int) (File, error) {
	f, err := indexPage.read()
	if up := strings.Repeat("../", depth); up != "" {
		f.Text = links.ReplaceAll(f.Text, []byte(`${1}="`+up+`$2"`))
	}
	return f, err
}

// Asset returns a file that the page loads. known is false if the page loads no file of that name.
func Asset(name string) (f File, known bool, err error) {
	a, known := assets[name]
	if !known {
		return File{}, false, nil
	}
	f, err = a.read()
	return f, true, err
}

func (a asset) read() (File, error) {
	text, err := fs.ReadFile(a.files, a.name)
	if err != nil {
		return File{}, fmt.Errorf("read %s of the page: %w", a.name, err)
	}
	return File{Text: text, MIMEType: a.mimeType, Gzipped: a.gzipped}, nil
}
