package rest

import (
	"net/http"
	"slices"
)

// Verb is what a route does to a resource, in the words of Kubernetes: what a
// caller has to be allowed.
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

// Resource is the kind of objects that a route's verb is about, in the words of
// Kubernetes; the part behind a slash is a subresource.
type Resource string

// The resources. For routes with none it is enough to be known.
const (
	ResourceNone              Resource = ""
	ResourceTaskRuns          Resource = "taskruns"
	ResourceTaskRunStates     Resource = "taskruns/status"
	ResourceConcurrencyLimits Resource = "concurrencylimits"
	ResourceConcurrencySlots  Resource = "concurrencylimits/status"
)

// route is one thing a client can ask for.
type route struct {
	method, path string // the path without the base
	resource     Resource
	verb         Verb
	open         bool // to callers who show nothing
	givesToken   bool // for CSRF: pages from elsewhere need to be listed, those of loopback too
	across       bool // tells of all namespaces at once, if that is asked for
	summary      string
	handle       func(*space, *request) (response, error)

	body        bool                    // there may be a body, which is then JSON
	maxBody     int64                   // size of the largest body; 0: Options.MaxBodyBytes
	anyVersion  bool                    // also clients of a bad API version are answered
	explainGone func(id string) problem // what is said when there is no such run, state or limit

	// talk makes the route a websocket. Then there is nothing for requests
	// that ask for none (contract §1.6).
	talk conversation
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

// table lists all routes. The order counts: the first that fits a path and method
// is taken, and where the path has other methods only, the answer names the
// first of them (contract §1.1).
func table() []route {
	return slices.Concat(lists(), runRoutes(), eventRoutes(), tagLimitRoutes(), limitRoutes(), otherRoutes())
}

// servedRoutes are the routes of a server with or without limits.
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
			handle: (*space).create, body: true,
		},
		{
			method: http.MethodPatch, path: run, resource: ResourceTaskRuns, verb: VerbUpdate, summary: "rename a run",
			handle: (*space).rename, body: true, maxBody: maxListBody, explainGone: saysDetail("Task run not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/count", resource: ResourceTaskRuns, verb: VerbList, summary: "count the runs that match",
			handle: (*space).count, across: true, body: true,
		},
		{
			method: http.MethodGet, path: run, resource: ResourceTaskRuns, verb: VerbGet, summary: "read a run",
			handle: (*space).read, explainGone: saysDetail("Task not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "read the runs that match",
			handle: (*space).filter, across: true, body: true,
		},
		{
			method: http.MethodDelete, path: run, resource: ResourceTaskRuns, verb: VerbDelete, summary: "delete a run with its states",
			handle: (*space).remove, explainGone: saysDetail("Task not found"),
		},
		{
			method: http.MethodPost, path: run + "/set_state", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "propose a state for a run",
			handle: (*space).setState, body: true, explainGone: saysRunNotFound,
		},
		{
			method: http.MethodGet, path: state, resource: ResourceTaskRuns, verb: VerbGet, summary: "read a state",
			handle: (*space).readState, explainGone: saysDetail("Flow run state not found"),
		},
		{
			method: http.MethodGet, path: "/task_run_states/", resource: ResourceTaskRuns, verb: VerbGet, summary: "read the states of a run",
			handle: (*space).listStates,
		},
	}
}

// otherRoutes are about the server itself.
func otherRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/health", open: true, summary: "tell that the server lives", handle: (*space).health, anyVersion: true},
		{method: http.MethodGet, path: "/version", summary: "read the version of this interface", handle: (*space).version, anyVersion: true},
		{method: http.MethodGet, path: "/ready", open: true, summary: "tell whether runs can be served", handle: (*space).ready},
		{method: http.MethodGet, path: "/hello", open: true, summary: "be greeted", handle: (*space).hello},
		{method: http.MethodGet, path: "/admin/version", summary: "read the version of Prefect", handle: (*space).adminVersion},
		{method: http.MethodGet, path: "/admin/storage", summary: "learn that results are stored nowhere", handle: (*space).adminStorage},
		{method: http.MethodGet, path: "/csrf-token", givesToken: true, summary: "get a token, or learn that none is needed", handle: (*space).csrfToken},
		{method: http.MethodGet, path: pathOpenAPI, summary: "read this document", handle: (*space).openAPI, anyVersion: true},
		{method: http.MethodGet, path: "/docs", summary: "see this document as a page", handle: (*space).docs, anyVersion: true},
		{
			method: http.MethodGet, path: "/docs/" + assetParameter, summary: "read a file of the page",
			handle: (*space).docsAsset, anyVersion: true, explainGone: saysDetail("Not Found"),
		},
	}
}
