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

// lists are the routes that tell of many runs at once, and of what is around
// them. No other route has their paths.
func lists() []route {
	return []route{
		{
			method: http.MethodPost, path: "/task_runs/paginate", resource: ResourceTaskRuns, verb: VerbList, summary: "read a page of the runs that match",
			handle: (*namespaceHandler).paginate, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/task_runs/history", resource: ResourceTaskRuns, verb: VerbList, summary: "count runs by when they were to start",
			handle: (*namespaceHandler).history, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/task_runs/count", resource: ResourceTaskRuns, verb: VerbList, summary: "count the runs that match by type of state",
			handle: (*namespaceHandler).uiCount, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/task_runs/dashboard/counts", resource: ResourceTaskRuns, verb: VerbList, summary: "count ended runs by when they started",
			handle: (*namespaceHandler).uiDashboard, across: true, body: true,
		},
		{
			method: http.MethodGet, path: "/ui/task_runs/" + idParameter, resource: ResourceTaskRuns, verb: VerbGet, summary: "read a run with the name of its flow run",
			handle: (*namespaceHandler).uiRead, explainGone: detailText("Task not found"),
		},
		{
			method: http.MethodPost, path: "/ui/flow_runs/count-task-runs", resource: ResourceTaskRuns, verb: VerbList, summary: "count the runs of flow runs",
			handle: (*namespaceHandler).uiCountByFlowRun, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/task_workers/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "read the task workers that are there",
			handle: (*namespaceHandler).filterTaskWorkers, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: "/logs/", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "log lines",
			handle: (*namespaceHandler).addLogs, body: true, maxBody: maxLogBody,
		},
		{
			method: http.MethodPost, path: "/logs/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "read the logged lines that match",
			handle: (*namespaceHandler).filterLogs, body: true,
		},
		{
			method: http.MethodGet, path: "/observed-states", resource: ResourceTaskRuns, verb: VerbList, summary: "read which states runs are in and were in",
			handle: (*namespaceHandler).observedStates, across: true,
		},
	}
}

// tagLimitRoutes are the older routes, about limits of tags.
func tagLimitRoutes() []route {
	const (
		base = "/concurrency_limits"
		gone = "Concurrency limit not found"
	)
	return []route{
		{
			method: http.MethodPost, path: base + "/", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "make the limit of a tag, or set its slots",
			handle: (*namespaceHandler).createTagLimit, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodGet, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read the limit of a tag by its id",
			handle: (*namespaceHandler).readTagLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodGet, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read the limit of a tag",
			handle: (*namespaceHandler).readLimitOfTag, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "read the limits of tags",
			handle: (*namespaceHandler).filterTagLimits, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPost, path: base + "/tag/" + tagParameter + "/reset", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "end all that is held of the limit of a tag",
			handle: (*namespaceHandler).resetLimitOfTag, body: true, maxBody: maxListBody, explainGone: detailText(gone),
		},
		{
			method: http.MethodDelete, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete the limit of a tag by its id",
			handle: (*namespaceHandler).removeTagLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodDelete, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete the limit of a tag",
			handle: (*namespaceHandler).removeLimitOfTag, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "take slots of tags for a run",
			handle: (*namespaceHandler).incrementTags, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "give slots of tags back",
			handle: (*namespaceHandler).decrementTags, body: true, maxBody: maxListBody,
		},
	}
}

// limitRoutes are about limits of any name.
func limitRoutes() []route {
	const (
		base = "/v2/concurrency_limits"
		gone = "Concurrency Limit not found"
	)
	return []route{
		{
			method: http.MethodPost, path: base + "/", resource: ResourceConcurrencyLimits, verb: VerbCreate, summary: "make a limit",
			handle: (*namespaceHandler).createLimit, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodGet, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "read a limit",
			handle: (*namespaceHandler).readLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "read all limits",
			handle: (*namespaceHandler).filterLimits, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPatch, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "change a limit",
			handle: (*namespaceHandler).updateLimit, body: true, maxBody: maxSmallBody, explainGone: detailText(gone),
		},
		{
			method: http.MethodDelete, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "delete a limit",
			handle: (*namespaceHandler).removeLimit, explainGone: detailText(gone),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "take slots",
			handle: (*namespaceHandler).increment, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/increment-with-lease", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "take slots for as long as a lease lives",
			handle: (*namespaceHandler).incrementWithLease, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "give slots back",
			handle: (*namespaceHandler).decrement, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement-with-lease", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "give back what a lease holds",
			handle: (*namespaceHandler).decrementWithLease, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPost, path: base + "/leases/" + leaseParameter + "/renew", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "let a lease live on",
			handle: (*namespaceHandler).renewLease, body: true, maxBody: maxSmallBody,
		},
	}
}

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

// eventRoutes are about states that runs enter elsewhere, about telling of them,
// and about what clients ask for in between; most are websockets.
func eventRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/events", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "report states of runs",
			handle: (*namespaceHandler).postEvents, body: true,
		},
		{
			method: http.MethodGet, path: "/task_runs/subscriptions/scheduled", resource: ResourceTaskRunStates, verb: VerbUpdate,
			summary: "be given runs to execute", serve: (*namespaceHandler).subscription,
		},
		{
			method: http.MethodGet, path: "/events/in", resource: ResourceTaskRunStates, verb: VerbUpdate,
			summary: "report states of runs as they come", serve: (*namespaceHandler).eventsIn,
		},
		{
			method: http.MethodGet, path: "/events/out", resource: ResourceTaskRuns, verb: VerbList,
			summary: "hear of the states of runs as they come", serve: (*namespaceHandler).eventsOut,
		},
		{
			method: http.MethodGet, path: "/flows/" + idParameter, summary: "be told of a flow, of which nothing is known but its id",
			handle: (*namespaceHandler).flow, explainGone: detailText("Flow not found"),
		},
	}
}
