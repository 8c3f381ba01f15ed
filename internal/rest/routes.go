package rest

import (
	"net/http"
	"slices"
)

// Verb is the Kubernetes verb of a route, for which the caller needs the permission.
type Verb string

// The verbs. Routes with none show nothing of any run or limit.
const (
	VerbNone   Verb = ""
	VerbCreate Verb = "create"
	VerbGet    Verb = "get"
	VerbList   Verb = "list"
	VerbUpdate Verb = "update"
	VerbDelete Verb = "delete"
)

// Resource is the Kubernetes resource of the verb. The part after a slash is a subresource.
type Resource string

// The resources. For routes with none it is enough to be known.
const (
	ResourceNone              Resource = ""
	ResourceTaskRuns          Resource = "taskruns"
	ResourceTaskRunStates     Resource = "taskruns/status"
	ResourceConcurrencyLimits Resource = "concurrencylimits"
	ResourceConcurrencySlots  Resource = "concurrencylimits/status"
)

// route is a path and a method that clients can request.
type route struct {
	method, path string // the path without the base
	resource     Resource
	verb         Verb
	open         bool // needs no authentication
	givesToken   bool // for CSRF: pages of other origins have to be listed, those of loopback too
	across       bool // can read all namespaces at once
	summary      string
	handle       func(*namespaceHandler, *request) (response, error)

	body        bool                    // a request can have a body, which is JSON
	maxBody     int64                   // size of the largest body; 0: Options.MaxBodyBytes
	anyVersion  bool                    // the API version of the client is not checked
	explainGone func(id string) problem // the text if there is no such run, state or limit; nil: it is not needed

	// serve makes the route a websocket. Requests without an upgrade find no such route (contract §1.6).
	serve socketHandler
}

// bodyLimit is the size of the largest body of the route, in bytes. What most routes
// take can be less than what this one needs at most; it is never more than that.
func (rt *route) bodyLimit(usual int64) int64 {
	switch {
	case rt.maxBody == 0:
		return usual
	case rt.maxBody >= maxLogBody:
		return max(usual, rt.maxBody)
	default:
		return min(usual, rt.maxBody)
	}
}

// valueLimit is the number of JSON values that a body of the route may have.
func (rt *route) valueLimit(usual int) int {
	if rt.maxBody >= maxLogBody {
		return 2 * usual
	}
	return usual
}

// table returns all routes. The order counts: the first route that matches the path and the method is used. If the path
// has other methods only, the response names the first of them (contract §1.1).
func table() []route {
	return slices.Concat(lists(), runRoutes(), eventRoutes(), tagLimitRoutes(), limitRoutes(), otherRoutes())
}

// servedRoutes returns the routes of a server with or without limits.
func servedRoutes(limits bool) []route {
	return slices.DeleteFunc(table(), func(r route) bool {
		return !limits && (r.resource == ResourceConcurrencyLimits || r.resource == ResourceConcurrencySlots)
	})
}

// runRoutes are about task runs and their states.
func runRoutes() []route {
	const (
		run   = "/task_runs/" + idParameter
		state = "/task_run_states/" + idParameter
	)
	return []route{
		{
			method: http.MethodPost, path: "/task_runs/", resource: ResourceTaskRuns, verb: VerbCreate, summary: "create a run, or find the one of its keys",
			handle: (*namespaceHandler).create, body: true,
		},
		{
			method: http.MethodPatch, path: run, resource: ResourceTaskRuns, verb: VerbUpdate, summary: "rename a run",
			handle: (*namespaceHandler).rename, body: true, maxBody: maxListBody, explainGone: detailText("Task run not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/count", resource: ResourceTaskRuns, verb: VerbList, summary: "count the runs that match",
			handle: (*namespaceHandler).count, across: true, body: true,
		},
		{
			method: http.MethodGet, path: run, resource: ResourceTaskRuns, verb: VerbGet, summary: "read a run",
			handle: (*namespaceHandler).read, explainGone: detailText("Task not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "read the runs that match",
			handle: (*namespaceHandler).filter, across: true, body: true,
		},
		{
			method: http.MethodDelete, path: run, resource: ResourceTaskRuns, verb: VerbDelete, summary: "delete a run with its states",
			handle: (*namespaceHandler).remove, explainGone: detailText("Task not found"),
		},
		{
			method: http.MethodPost, path: run + "/set_state", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "propose a state for a run",
			handle: (*namespaceHandler).setState, body: true, explainGone: runNotFoundText,
		},
		{
			method: http.MethodGet, path: state, resource: ResourceTaskRuns, verb: VerbGet, summary: "read a state",
			handle: (*namespaceHandler).readState, explainGone: detailText("Flow run state not found"),
		},
		{
			method: http.MethodGet, path: "/task_run_states/", resource: ResourceTaskRuns, verb: VerbGet, summary: "read the states of a run",
			handle: (*namespaceHandler).listStates,
		},
	}
}

// otherRoutes are about the server itself.
func otherRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/health", open: true, summary: "tell that the server lives", handle: (*namespaceHandler).health, anyVersion: true},
		{method: http.MethodGet, path: "/version", summary: "read the version of this interface", handle: (*namespaceHandler).version, anyVersion: true},
		{method: http.MethodGet, path: "/ready", open: true, summary: "tell whether runs can be served", handle: (*namespaceHandler).ready},
		{method: http.MethodGet, path: "/hello", open: true, summary: "be greeted", handle: (*namespaceHandler).hello},
		{method: http.MethodGet, path: "/admin/version", summary: "read the version of Prefect", handle: (*namespaceHandler).adminVersion},
		{method: http.MethodGet, path: "/admin/storage", summary: "learn that results are stored nowhere", handle: (*namespaceHandler).adminStorage},
		{method: http.MethodGet, path: "/csrf-token", givesToken: true, summary: "get a token, or learn that none is needed", handle: (*namespaceHandler).csrfToken},
		{method: http.MethodGet, path: pathOpenAPI, summary: "read this document", handle: (*namespaceHandler).openAPI, anyVersion: true},
		{method: http.MethodGet, path: "/docs", summary: "see this document as a page", handle: (*namespaceHandler).docs, anyVersion: true},
		{
			method: http.MethodGet, path: "/docs/" + assetParameter, summary: "read a file of the page",
			handle: (*namespaceHandler).docsAsset, anyVersion: true, explainGone: detailText("Not Found"),
		},
	}
}
