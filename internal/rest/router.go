package rest

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// router finds the route of a request.
type router struct {
	root    string // the base with the document at its root too
	routes  []*route
	shapes  []shape           // of the routes' paths
	sockets map[string]*route // by path
}

// shape is a path, split at its parameter.
type shape struct {
	prefix, suffix string
	parameter      string // "": there is none, and prefix is the path
}

// The parameters of paths. A path has at most one.
const (
	idParameter       = "{id}"         // of a run, state or limit; other texts do not match
	tagParameter      = "{tag}"        // any text
	idOrNameParameter = "{id_or_name}" // of a limit; any text
	leaseParameter    = "{lease_id}"   // any text: the handler rejects what is not an id
	assetParameter    = "{asset}"      // of the documentation page; any text
)

// anyName reads a name. Bytes that are not UTF-8 become U+FFFD.
func anyName(text string) (name string, ok bool) { return strings.ToValidUTF8(text, "\ufffd"), true }

// parameters maps all parameters of paths to their parsers. A path with an invalid id does not match. A name can be any
// text, so the order of the table matters.
var parameters = map[string]func(text string) (value string, ok bool){
	idParameter:       wire.PathID,
	tagParameter:      anyName,
	idOrNameParameter: anyName,
	leaseParameter:    anyName,
	assetParameter:    anyName,
}

func newRouter(base string, routes []route) *router {
	rt := &router{root: base, sockets: map[string]*route{}}
	for i := range routes {
		if routes[i].serve != nil {
			rt.sockets[routes[i].path] = &routes[i]
			continue
		}
		rt.routes = append(rt.routes, &routes[i])
		rt.shapes = append(rt.shapes, shapeOf(routes[i].path))
	}
	return rt
}

func shapeOf(path string) shape {
	for parameter := range parameters {
		if prefix, suffix, ok := strings.Cut(path, parameter); ok {
			return shape{prefix, suffix, parameter}
		}
	}
	return shape{prefix: path}
}

// find returns the route of a request and the parameter in its path. The error has the response: the path does not
// exist, the method is not allowed, or the path is redirected because of a missing or surplus slash. Requests through
// kube-apiserver are not redirected, because kube-apiserver returns an error for a redirect.
func (rt *router) find(r *http.Request, at target) (*route, string, error) {
	path, inside := rt.below(r, at.base)
	if !inside {
		return nil, "", noRoute(at.base, r.URL.Path)
	}
	raw := escaped(r.URL, at.base)
	route, parameter, ok := rt.match(r.Method, raw, path)
	if route == nil && at.proxied {
		route, parameter, ok = rt.match(r.Method, turned(raw), turned(path))
	}
	switch {
	case route == nil && at.proxied:
		return nil, "", noRoute(at.base, r.URL.Path)
	case route == nil:
		return nil, "", rt.redirect(r, at.base, raw, path)
	case !ok:
		return nil, "", &methodError{allow: route.method}
	}
	return route, parameter, nil
}

// below returns the part of the path below a base.
func (rt *router) below(r *http.Request, base string) (path string, inside bool) {
	if base == rt.root && r.URL.Path == pathOpenAPI {
		return pathOpenAPI, true
	}
	path, inside = strings.CutPrefix(r.URL.Path, base)
	return path, inside && strings.HasPrefix(path, "/")
}

// socket returns the websocket route of a request below a base, or nil.
func (rt *router) socket(r *http.Request, base string) *route {
	path, inside := strings.CutPrefix(r.URL.Path, base)
	if !inside {
		return nil
	}
	return rt.sockets[path]
}

// match returns the first route of the path and the method, in the order of the table. If there is none, ok is false,
// and found is the first route of the path or nil (contract §1.1).
func (rt *router) match(method string, raw, path string) (found *route, parameter string, ok bool) {
	for i, route := range rt.routes {
		value, fits := rt.shapes[i].read(raw, path)
		switch {
		case !fits:
		case route.method == method:
			return route, value, true
		case found == nil:
			found = route
		}
	}
	return found, "", false
}

// read reports whether a path has the shape, and returns its parameter. An escaped slash is part of a name, so that
// every name can be requested: raw is the path as the client wrote it, or "" without an escaped slash. (In Prefect an
// escaped slash separates segments, so such names cannot be requested.)
func (s shape) read(raw, path string) (value string, ok bool) {
	switch {
	case s.parameter == "":
		return "", path == s.prefix
	case raw == "" || s.parameter == idParameter:
		text, ok := s.between(path)
		if !ok {
			return "", false
		}
		return parameters[s.parameter](text)
	default:
		text, ok := s.between(raw)
		if !ok {
			return "", false
		}
		if text, err := url.PathUnescape(text); err == nil {
			return parameters[s.parameter](text)
		}
		return "", false
	}
}

// between returns the parameter of a path.
func (s shape) between(path string) (text string, ok bool) {
	text, ok = strings.CutPrefix(path, s.prefix)
	if ok {
		text, ok = strings.CutSuffix(text, s.suffix)
	}
	return text, ok && text != "" && !strings.Contains(text, "/")
}

// escaped returns the path below the base as the client wrote it, if it has an escaped slash.
func escaped(u *url.URL, base string) string {
	path, inside := strings.CutPrefix(u.EscapedPath(), base)
	if !inside || !strings.Contains(path, "%2F") && !strings.Contains(path, "%2f") {
		return ""
	}
	return path
}

// turned returns the path with one more slash at its end, or without all slashes at its end.
func turned(path string) string {
	if other := strings.TrimRight(path, "/"); other != path || path == "" {
		return other
	}
	return path + "/"
}

// slashesBeyond returns the number of slashes at the end of a path that are not part of its route.
func slashesBeyond(path, route string) int {
	count := func(path string) int { return len(path) - len(strings.TrimRight(path, "/")) }
	return max(0, count(path)-count(route))
}

// redirect returns the location of the path with one more slash at its end, or without the slashes at its end. The
// location is absolute, as in Prefect. Behind a proxy that names the prefix it removed, the location is a path with
// that prefix. The client then keeps the scheme and host of the proxy.
func (rt *router) redirect(r *http.Request, base, raw, path string) error {
	if route, _, _ := rt.match(r.Method, turned(raw), turned(path)); route == nil {
		return noRoute(base, r.URL.Path)
	}
	origin := forwardedPrefix(r)
	if origin == "" {
		origin = scheme(r) + "://" + r.Host
	}
	location := origin + turned(r.URL.EscapedPath())
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	return &redirectError{location: location}
}

// scheme returns the scheme that the client used, if a proxy reports it.
func scheme(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https"
	}
	return "http"
}

// forwardedPrefix returns the prefix that a proxy removed from the path.
func forwardedPrefix(r *http.Request) string {
	prefix := strings.TrimRight(r.Header.Get("X-Forwarded-Prefix"), "/")
	if !strings.HasPrefix(prefix, "/") || strings.HasPrefix(prefix, "//") || strings.ContainsAny(prefix, "\\?#\r\n") {
		return ""
	}
	return prefix
}
