package rest

import (
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// pathOpenAPI is served below the base path and, as Prefect does, at the root.
const pathOpenAPI = "/openapi.json"

// openAPI answers with a description of the routes: their paths and methods,
// and what each does.
func (s *Server) openAPI(*request) (response, error) {
	return response{status: http.StatusOK, body: appendOpenAPI(nil, s.options, table())}, nil
}

func appendOpenAPI(b []byte, o Options, routes []route) []byte {
	b = append(b, `{"openapi":"3.1.0","info":{"title":"taskrun-operator","version":`...)
	b = pyjson.AppendText(b, o.PrefectVersion)
	b = append(b, `},"paths":{`...)
	written := 0
	for i := range routes {
		if isFirstOfPath(routes, i) {
			b = appendKey(b, written, o.BasePath+routes[i].path)
			b = appendPathItem(b, routes, routes[i].path)
			written++
		}
	}
	return append(b, "}}"...)
}

// isFirstOfPath tells whether no route before the i-th has its path.
func isFirstOfPath(routes []route, i int) bool {
	for _, before := range routes[:i] {
		if before.path == routes[i].path {
			return false
		}
	}
	return true
}

// appendPathItem writes the methods of a path.
func appendPathItem(b []byte, routes []route, path string) []byte {
	b = append(b, '{')
	if strings.Contains(path, idParameter) {
		b = append(b, `"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string","format":"uuid"}}],`...)
	}
	written := 0
	for i := range routes {
		if routes[i].path != path {
			continue
		}
		b = appendKey(b, written, strings.ToLower(routes[i].method))
		b = append(b, `{"summary":`...)
		b = pyjson.AppendText(b, routes[i].summary)
		if routes[i].body {
			b = append(b, `,"requestBody":{"content":{"application/json":{}}}`...)
		}
		b = append(b, `,"responses":{"default":{"description":"an answer as a Prefect 3 server gives it"}}}`...)
		written++
	}
	return append(b, '}')
}
