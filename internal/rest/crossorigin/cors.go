package crossorigin

import (
	"net/http"
	"slices"
	"strings"
)

// corsMethods are the methods that pages of other origins can use: all methods of the routes.
var corsMethods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
}

// Preflight is the response to a preflight request.
type Preflight struct {
	Status int
	Text   string
	Header [][2]string
}

// IsPreflight reports whether a browser asks which requests a page of another origin can send.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions &&
		r.Header.Get(headerOrigin) != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// Preflight returns the response that Prefect sends if its setting PREFECT_SERVER_CORS_ALLOWED_ORIGINS lists the
// allowed origins: each method and header is allowed (contract §1.1).
func (p *Policy) Preflight(r *http.Request, proxied bool) Preflight {
	response := Preflight{Status: http.StatusOK, Text: "OK"}
	var disallowed []string
	if !p.anyPage(proxied) && p.foreign(r) {
		disallowed = append(disallowed, "origin")
	}
	if !slices.Contains(corsMethods, r.Header.Get("Access-Control-Request-Method")) {
		disallowed = append(disallowed, "method")
	}
	if disallowed != nil {
		response.Status, response.Text = http.StatusBadRequest, "Disallowed CORS "+strings.Join(disallowed, ", ")
	}
	response.Header = [][2]string{
		{"Access-Control-Allow-Methods", strings.Join(corsMethods, ", ")},
		{"Access-Control-Max-Age", "600"},
	}
	if headers := r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		response.Header = append(response.Header, [2]string{"Access-Control-Allow-Headers", headers})
	}
	return response
}

// ResponseHeader returns the headers that allow a page of an accepted origin to read the response.
func (p *Policy) ResponseHeader(r *http.Request, proxied bool) [][2]string {
	origin := r.Header.Get(headerOrigin)
	vary := [2]string{"Vary", headerOrigin}
	switch {
	case origin == "":
		return nil
	case p.anyPage(proxied):
		return [][2]string{{headerAllowOrigin, anyOrigin}}
	case p.foreign(r):
		return [][2]string{vary}
	default:
		return [][2]string{{headerAllowOrigin, origin}, vary}
	}
}
