package rest

import (
	"net/http"
	"slices"
	"strings"
)

// corsMethods are the methods that pages of other origins can use: all methods of the routes.
var corsMethods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
}

// isPreflight reports whether a browser asks which requests a page of another origin can send.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight answers as Prefect does whose setting PREFECT_SERVER_CORS_ALLOWED_ORIGINS
// lists the allowed origins: each method and header is allowed (contract §1.1).
func (g *browserGuard) preflight(r *http.Request, proxied bool) response {
	answer := response{status: http.StatusOK, body: []byte("OK"), mimeType: typeText}
	var disallowed []string
	if !g.anyPage(proxied) && g.foreign(r) {
		disallowed = append(disallowed, "origin")
	}
	if !slices.Contains(corsMethods, r.Header.Get("Access-Control-Request-Method")) {
		disallowed = append(disallowed, "method")
	}
	if disallowed != nil {
		answer.status, answer.body = http.StatusBadRequest, []byte("Disallowed CORS "+strings.Join(disallowed, ", "))
	}
	answer = answer.with("Access-Control-Allow-Methods", strings.Join(corsMethods, ", ")).
		with("Access-Control-Max-Age", "600")
	if headers := r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		answer = answer.with("Access-Control-Allow-Headers", headers)
	}
	return answer
}
