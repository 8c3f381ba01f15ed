package rest

import (
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/apidocs"
)

// RouteInfo describes a route to its callers.
type RouteInfo struct {
	Method, Path string // the path without the base; parameters in braces
	Summary      string
	Verb         Verb
	Resource     Resource
	Open         bool // no authentication is needed
	Socket       bool // the route is a websocket
	Body         bool // a request can have a body
}

// Routes returns the routes of a Server with these parts.
func Routes(parts Parts) []RouteInfo {
	var infos []RouteInfo
	for _, r := range servedRoutes(parts) {
		infos = append(infos, RouteInfo{
			Method: r.method, Path: r.path, Summary: r.summary, Verb: r.verb, Resource: r.resource, Open: r.open, Socket: r.serve != nil, Body: r.body,
		})
	}
	return infos
}

// describedRoutes returns the rows of the routes in the OpenAPI document. OpenAPI cannot describe websockets.
func describedRoutes(routes []route) []apidocs.Route {
	var rows []apidocs.Route
	for i := range routes {
		if rt := &routes[i]; rt.serve == nil {
			rows = append(rows, rt.described())
		}
	}
	return rows
}

func (rt *route) described() apidocs.Route {
	return apidocs.Route{
		Method: rt.method, Path: rt.path, Parameters: shapeOf(rt.path).names(),
		Summary: rt.summary, Group: rt.group(),
		Body: rt.body, Open: rt.open, Protected: rt.resource != ResourceNone, AnyVersion: rt.anyVersion,
		Creates: rt.verb == VerbCreate, NotFound: rt.notFoundText != nil,
	}
}

// names returns the names of the parameters.
func (s shape) names() []string {
	names := make([]string, len(s.parameters))
	for i, parameter := range s.parameters {
		names[i] = strings.Trim(parameter, "{}")
	}
	return names
}

// group returns the heading of the page under which a route is shown.
func (rt *route) group() apidocs.Group {
	switch rt.resource {
	case ResourceTaskRuns:
		return apidocs.GroupRuns
	case ResourceConcurrencyLimits:
		return apidocs.GroupLimits
	case ResourceRegisteredFlows, ResourceFlowRuns, ResourceFlowRunStates:
		return apidocs.GroupFlows
	default:
		return apidocs.GroupServer
	}
}
