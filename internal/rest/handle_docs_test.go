package rest

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// loadedByPage matches the files that the page loads, and its link to the
// document.
var loadedByPage = regexp.MustCompile(`(src|href)="([^"]*)"`)

// filesOfPage is the number of them.
const filesOfPage = 5

const (
	typeHTML   = "text/html; charset=utf-8"
	typeScript = "text/javascript; charset=utf-8"
	typeStyle  = "text/css; charset=utf-8"
	typePNG    = "image/png"
)

func TestDocs_pageLoadsOnlyServedFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.ask(t, http.MethodGet, "/docs", "")
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != typeHTML {
		t.Fatalf("answer = %d of type %q, want 200 of type %q", w.Code, got, typeHTML)
	}
	if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; script-src 'self';") {
		t.Errorf("Content-Security-Policy = %q, which lets it load more", got)
	}
	if inline := regexp.MustCompile(`<script>|<style|style=| on\w+=|//`).FindString(w.Body.String()); inline != "" {
		t.Errorf("the page has %q, which its policy forbids", inline)
	}
	found := loadedByPage.FindAllStringSubmatch(w.Body.String(), -1)
	if len(found) != filesOfPage {
		t.Errorf("the page loads %v, want every asset and the document", found)
	}
	for _, match := range found {
		f.must(t, http.StatusOK, http.MethodGet, "/"+match[2], "")
	}
}

func TestDocs_filesOfThePage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	cases := map[string]struct{ mimeType, holds string }{
		"start.js":             {typeScript, `url: new URL("../openapi.json", document.currentScript.src)`},
		"swagger-ui-bundle.js": {typeScript, "SwaggerUIBundle"},
		"swagger-ui.css":       {typeStyle, ".swagger-ui"},
		"favicon-32x32.png":    {typePNG, "PNG"},
	}
	for name, tc := range cases {
		for _, coding := range []string{"", "gzip"} {
			t.Run(name+" coded as "+coding, func(t *testing.T) {
				t.Parallel()
				w := f.ask(t, http.MethodGet, "/docs/"+name, "", "Accept-Encoding", coding)
				h := w.Header()
				if w.Code != http.StatusOK || h.Get("Content-Type") != tc.mimeType || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("answer = %d with %v, want 200 of type %s", w.Code, h, tc.mimeType)
				}
				body := io.Reader(w.Body)
				if got := h.Get("Content-Encoding"); got == "gzip" && coding == "gzip" {
					z, err := gzip.NewReader(w.Body)
					if err != nil {
						t.Fatal(err)
					}
					body = z
				} else if got != "" {
					t.Errorf("Content-Encoding = %q, want none", got)
				}
				text, err := io.ReadAll(body)
				if err != nil || !strings.Contains(string(text), tc.holds) {
					t.Errorf("%d bytes, error %v, want %q among them", len(text), err, tc.holds)
				}
			})
		}
	}
}

func TestDocs_unknownFilesAreNotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"index.html", "swagger-ui.css.gz", "..%2Fstart.js", "nope"} {
		if got, want := f.must(t, http.StatusNotFound, http.MethodGet, "/docs/"+name, ""), `{"detail":"Not Found"}`; got != want {
			t.Errorf("answer to %q = %s, want %s", name, got, want)
		}
	}
}

func TestDocs_documentIsJSONForPagesToo(t *testing.T) {
	t.Parallel()
	w := newFixture(t).ask(t, http.MethodGet, "/openapi.json", "", "Origin", "http://localhost:3000", headerAPIVersion, "0.1.0")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != typeJSON || w.Header().Get("Access-Control-Allow-Origin") != "http://localhost:3000" {
		t.Errorf("answer = %d with %v, want 200 with JSON for the page", w.Code, w.Header())
	}
}
