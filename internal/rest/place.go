package rest

import (
	"regexp"
	"strings"
)

// namespacesPath begins the paths below which any namespace is served:
// /namespaces/{namespace} and then what the paths of the server's own begin with.
const namespacesPath = "/namespaces/"

// everywhere stands for all namespaces: in paths as AIP-159 has it, and as the
// name of a namespace as Kubernetes asks for access to all of them.
const (
	everywhereInPaths = "-"
	everywhere        = ""
)

// maxNamespace is the length of the longest name of a namespace (RFC 1123).
const maxNamespace = 63

// place is where a request is addressed to: a namespace, and the part of the
// path that says so.
type place struct {
	base, namespace string
	proxied         bool    // by the Kubernetes API server's aggregation layer
	router          *router // of the routes below the base
}

// placeOf tells where a path leads. What leads nowhere is the server's own
// namespace, where there is no such route.
func (s *Server) placeOf(path string) place {
	if s.proxy != nil {
		if namespace, ok := namespaceIn(path, AggregatedPath+namespacesPath); ok {
			return place{base: AggregatedPath + namespacesPath + namespace, namespace: nameOf(namespace), proxied: true, router: s.router}
		}
		if strings.HasPrefix(path, "/apis") || strings.HasPrefix(path, "/openapi/") {
			return place{namespace: s.home.namespace, proxied: true, router: s.discovery}
		}
	}
	if namespace, ok := namespaceIn(path, namespacesPath); ok {
		return place{base: namespacesPath + namespace + s.options.BasePath, namespace: nameOf(namespace), router: s.router}
	}
	return place{base: s.options.BasePath, namespace: s.home.namespace, router: s.router}
}

// namespaceIn is what a path names behind a prefix.
func namespaceIn(path, prefix string) (namespace string, ok bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return "", false
	}
	namespace, _, _ = strings.Cut(rest, "/")
	return namespace, namespace == everywhereInPaths || isNamespace(namespace)
}

// nameOf is the namespace that stands in a path.
func nameOf(inPath string) string {
	if inPath == everywhereInPaths {
		return everywhere
	}
	return inPath
}

// label is a name in RFC 1123.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// isNamespace tells whether a text can be the name of a namespace.
func isNamespace(name string) bool { return len(name) <= maxNamespace && label.MatchString(name) }
