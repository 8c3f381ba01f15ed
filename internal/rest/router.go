package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// router finds the route of a request.
type router struct {
	base     string
	exact    map[string][]*route // by path; the routes of a path in the order of the table
	patterns []pattern
	sockets  map[string]*route // by path
}

// pattern is a path with an id in it.
type pattern struct {
	prefix, suffix string
	routes         []*route
}

func newRouter(base string, routes []route) *router {
	rt := &router{base: base, exact: map[string][]*route{}, sockets: map[string]*route{}}
	for i := range routes {
		rt.add(&routes[i])
	}
	return rt
}

func (rt *router) add(r *route) {
	if r.talk != nil {
		rt.sockets[r.path] = r
		return
	}
	prefix, suffix, hasID := strings.Cut(r.path, idParameter)
	if !hasID {
		rt.exact[r.path] = append(rt.exact[r.path], r)
		return
	}
	at := slices.IndexFunc(rt.patterns, func(p pattern) bool { return p.prefix == prefix && p.suffix == suffix })
	if at < 0 {
		at = len(rt.patterns)
		rt.patterns = append(rt.patterns, pattern{prefix: prefix, suffix: suffix})
	}
	rt.patterns[at].routes = append(rt.patterns[at].routes, r)
}

// find returns the route of a request and the id in its path. The error says
// what else to do: there may be no such path, no such method of it, or a slash
// too many or too few.
func (rt *router) find(r *http.Request) (*route, string, error) {
	path, inside := strings.CutPrefix(r.URL.Path, rt.base)
	if !inside || !strings.HasPrefix(path, "/") {
		return nil, "", errNoRoute
	}
	routes, id := rt.match(path)
	if routes == nil {
		return nil, "", rt.redirect(r, path)
	}
	for _, route := range routes {
		if route.method == r.Method {
			return route, id, nil
		}
	}
	return nil, "", &methodError{allow: routes[0].method}
}

// socket returns the websocket that a request asks for, nil if there is none.
func (rt *router) socket(r *http.Request) *route {
	path, inside := strings.CutPrefix(r.URL.Path, rt.base)
	if !inside {
		return nil
	}
	return rt.sockets[path]
}

// match returns the routes of a path, nil if there are none.
func (rt *router) match(path string) ([]*route, string) {
	if routes := rt.exact[path]; routes != nil {
		return routes, ""
	}
	for i := range rt.patterns {
		p := &rt.patterns[i]
		rest, ok := strings.CutPrefix(path, p.prefix)
		if !ok {
			continue
		}
		if rest, ok = strings.CutSuffix(rest, p.suffix); !ok {
			continue
		}
		if id, ok := pathID(rest); ok {
			return p.routes, id
		}
	}
	return nil, ""
}

// redirect says where the path with a slash more, or without all of those at
// its end, is, if there is one.
func (rt *router) redirect(r *http.Request, path string) error {
	other := strings.TrimRight(path, "/")
	if other == path {
		other = path + "/"
	}
	if routes, _ := rt.match(other); routes == nil {
		return errNoRoute
	}
	location := url.URL{Scheme: scheme(r), Host: r.Host, Path: rt.base + other, RawQuery: r.URL.RawQuery}
	return &redirectError{location: location.String()}
}

// scheme is the one the client used, as far as it can be known behind a proxy.
func scheme(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https"
	}
	return "http"
}
