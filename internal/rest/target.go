package rest

import (
	"regexp"
	"strings"
)

// namespacesPath is the prefix of the paths of any namespace: /namespaces/{namespace}, followed by a path of the
// server's own namespace.
const namespacesPath = "/namespaces/"

// allNamespaces stands for all namespaces: in paths as AIP-159 defines it, and as the namespace of a review of a permission
// in all namespaces, as Kubernetes defines it.
const (
	allNamespacesInPaths = "-"
	allNamespaces        = ""
)

// maxNamespace is the maximum length of the name of a namespace (RFC 1123).
const maxNamespace = 63

// target is the namespace of a request, and the part of the path that selects it.
type target struct {
	base, namespace string
	proxied         bool    // by the Kubernetes API server's aggregation layer
	router          *router // of the routes below the base
}

// targetOf returns the target of a path. A path outside of all bases has the server's own namespace, where no route
// matches.
func (s *Server) targetOf(path string) target {
	if s.proxy != nil {
		if namespace, ok := namespaceIn(path, AggregatedPath+namespacesPath); ok {
			return target{base: AggregatedPath + namespacesPath + namespace, namespace: nameOf(namespace), proxied: true, router: s.router}
		}
		if strings.HasPrefix(path, "/apis") || strings.HasPrefix(path, "/openapi/") {
			return target{namespace: s.home.namespace, proxied: true, router: s.discovery}
		}
	}
	if namespace, ok := namespaceIn(path, namespacesPath); ok {
		return target{base: namespacesPath + namespace + s.options.BasePath, namespace: nameOf(namespace), router: s.router}
	}
	return target{base: s.options.BasePath, namespace: s.home.namespace, router: s.router}
}

// namespaceIn returns the namespace after a prefix of the path.
func namespaceIn(path, prefix string) (namespace string, ok bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return "", false
	}
	namespace, _, _ = strings.Cut(rest, "/")
	return namespace, namespace == allNamespacesInPaths || isNamespace(namespace)
}

// nameOf returns the name of a namespace in a path.
func nameOf(inPath string) string {
	if inPath == allNamespacesInPaths {
		return allNamespaces
	}
	return inPath
}

// label matches a label of RFC 1123.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// isNamespace reports whether a text is a valid name of a namespace.
func isNamespace(name string) bool { return len(name) <= maxNamespace && label.MatchString(name) }
