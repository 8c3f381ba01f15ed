package rest

import "net/http"

// AggregatedGroup and AggregatedVersion are what the Kubernetes API server knows
// these routes by, where it passes requests on.
const (
	AggregatedGroup   = "rest.taskrun.dev"
	AggregatedVersion = "v1alpha1"
	// AggregatedPath begins the paths of such requests.
	AggregatedPath = "/apis/" + AggregatedGroup + "/" + AggregatedVersion
)

// discoveryRoutes are what the API server asks about this one, and tells its own
// clients. They show what there is, not what is in it.
func discoveryRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/apis", summary: "read which groups there are", handle: (*namespaceHandler).apiGroups, anyVersion: true},
		{method: http.MethodGet, path: "/apis/" + AggregatedGroup, summary: "read which versions there are", handle: (*namespaceHandler).apiGroup, anyVersion: true},
		{method: http.MethodGet, path: AggregatedPath, summary: "read which resources there are", handle: (*namespaceHandler).apiResources, anyVersion: true},
		{method: http.MethodGet, path: "/openapi/v3", summary: "read where documents are", handle: (*namespaceHandler).openAPIIndex, anyVersion: true},
		{method: http.MethodGet, path: "/openapi/v3" + AggregatedPath, summary: "read the document", handle: (*namespaceHandler).openAPIAggregated, anyVersion: true},
	}
}
