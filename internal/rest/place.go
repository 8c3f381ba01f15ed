package rest

import (
	"regexp"
	"strings"
)

// namespacesPath begins the paths below which any namespace is served:
// /namespaces/{namespace} and then what the paths of the server's own begin with.
const (
	namespacesPath = "/namespaces/"
	// AggregatedPath begins the paths of requests that the Kubernetes API server
	// passes on.
	AggregatedPath = "/apis/rest.taskrun.dev/v1alpha1"
)

// maxNamespace is the length of the longest name of a namespace (RFC 1123).
const maxNamespace = 63

// place is where a request is addressed to: a namespace, and the part of the
// path that says so.
type place struct {
	base, namespace string
	proxied         bool // by the Kubernetes API server's aggregation layer
}

// placeOf tells where a path leads. What leads nowhere is the server's own
// namespace, where there is no such route.
func (s *Server) placeOf(path string) place {
	home := place{base: s.options.BasePath, namespace: s.home.namespace}
	if rest, ok := strings.CutPrefix(path, AggregatedPath+namespacesPath); ok && s.proxy != nil {
		if namespace, _, _ := strings.Cut(rest, "/"); isNamespace(namespace) {
			return place{base: AggregatedPath + namespacesPath + namespace, namespace: namespace, proxied: true}
		}
		return home
	}
	if rest, ok := strings.CutPrefix(path, namespacesPath); ok {
		if namespace, _, _ := strings.Cut(rest, "/"); isNamespace(namespace) {
			return place{base: namespacesPath + namespace + s.options.BasePath, namespace: namespace}
		}
	}
	return home
}

// label is a name in RFC 1123.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// isNamespace tells whether a text can be the name of a namespace.
func isNamespace(name string) bool { return len(name) <= maxNamespace && label.MatchString(name) }
