package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// router finds the route of a request.
type router struct {
	root    string // the base with the document at its root too
	routes  []*route
	shapes  []shape           // of the routes' paths
	sockets map[string]*route // by path
	absent  map[string]string // the parts of a Prefect server without routes, see absentParts
}

// shape is a path, split at its parameters.
type shape struct {
	texts      []string // before, between and after the parameters
	parameters []string
}

// maxParameters is the largest number of parameters of a path.
const maxParameters = 2

// pathValues are the values of the parameters of a path. The unused ones are empty.
type pathValues [maxParameters]string

// The parameters of paths.
const (
	idParameter       = "{id}"         // of a run, state or limit; other texts do not match
	tagParameter      = "{tag}"        // any text
	nameParameter     = "{name}"       // of a flow; any text
	keyParameter      = "{key}"        // of an input; any text
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
	nameParameter:     anyName,
	keyParameter:      anyName,
	idOrNameParameter: anyName,
	leaseParameter:    anyName,
	assetParameter:    anyName,
}

func newRouter(base string, routes []route, absent map[string]string) *router {
	rt := &router{root: base, sockets: map[string]*route{}, absent: absent}
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
	var s shape
	for {
		begin := strings.IndexByte(path, '{')
		if begin < 0 {
			s.texts = append(s.texts, path)
			return s
		}
		end := begin + strings.IndexByte(path[begin:], '}') + 1
		s.texts, s.parameters = append(s.texts, path[:begin]), append(s.parameters, path[begin:end])
		path = path[end:]
	}
}

// find returns the route of a request and the parameter in its path. The error has the response: the path does not
// exist, the method is not allowed, or the path is redirected because of a missing or surplus slash. Requests through
// kube-apiserver are not redirected, because kube-apiserver returns an error for a redirect.
func (rt *router) find(r *http.Request, at target) (*route, pathValues, error) {
	path, inside := rt.below(r, at.base)
	if !inside {
		return nil, pathValues{}, rt.noRoute(at.base, r.URL.Path)
	}
	raw := escaped(r.URL, at.base)
	route, values, ok := rt.match(r.Method, raw, path)
	if route == nil && at.proxied {
		route, values, ok = rt.match(r.Method, turned(raw), turned(path))
	}
	switch {
	case route == nil && at.proxied:
		return nil, pathValues{}, rt.noRoute(at.base, r.URL.Path)
	case route == nil:
		return nil, pathValues{}, rt.redirect(r, at.base, raw, path)
	case !ok:
		return nil, pathValues{}, &methodError{allow: route.method}
	}
	return route, values, nil
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

// match returns the first route of the path and the method, in the order of the table. If there is none, ok is false
// and found is the first route of the path, or nil (contract §1.1).
func (rt *router) match(method string, raw, path string) (found *route, values pathValues, ok bool) {
	for i, route := range rt.routes {
		values, fits := rt.shapes[i].read(raw, path)
		switch {
		case !fits:
		case route.method == method:
			return route, values, true
		case found == nil:
			found = route
		}
	}
	return found, pathValues{}, false
}

// read reports whether a path has the shape, and returns the values of its parameters. An escaped slash belongs to a
// name, so that every name can be requested: raw is the path as the client wrote it, or "" if it has no escaped slash.
// (Prefect treats an escaped slash as any other, and such names cannot be requested.)
func (s shape) read(raw, path string) (values pathValues, ok bool) {
	asWritten := raw != "" && s.hasName()
	if asWritten {
		path = raw
	}
	for i, parameter := range s.parameters {
		text, rest, ok := cutParameter(path, s.texts[i])
		if !ok {
			return pathValues{}, false
		}
		if asWritten {
			unescaped, err := url.PathUnescape(text)
			if err != nil {
				return pathValues{}, false
			}
			text = unescaped
		}
		if values[i], ok = parameters[parameter](text); !ok {
			return pathValues{}, false
		}
		path = rest
	}
	return values, path == s.texts[len(s.texts)-1]
}

// hasName reports whether a parameter is not an id.
func (s shape) hasName() bool {
	return slices.ContainsFunc(s.parameters, func(parameter string) bool { return parameter != idParameter })
}

// cutParameter cuts a prefix and the parameter behind it, which ends at a slash or at the end of the path.
func cutParameter(path, prefix string) (text, rest string, ok bool) {
	path, ok = strings.CutPrefix(path, prefix)
	end := strings.IndexByte(path, '/')
	if end < 0 {
		end = len(path)
	}
	return path[:end], path[end:], ok && end > 0
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
		return rt.noRoute(base, r.URL.Path)
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
