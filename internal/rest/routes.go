package rest

import (
	"net/http"
	"slices"
)

// Verb is the Kubernetes verb of a route. The caller needs the permission for it.
type Verb string

// The verbs. Routes without a verb return no data of runs or limits.
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

// The resources. Routes without a resource are allowed for every identified caller.
const (
	ResourceNone              Resource = ""
	ResourceTaskRuns          Resource = "taskruns"
	ResourceTaskRunStates     Resource = "taskruns/status"
	ResourceConcurrencyLimits Resource = "concurrencylimits"
	ResourceConcurrencySlots  Resource = "concurrencylimits/status"
	ResourceRegisteredFlows   Resource = "registeredflows"
	ResourceFlowRuns          Resource = "flowruns"
	ResourceFlowRunStates     Resource = "flowruns/status"
)

// route is a path and a method that clients can request.
type route struct {
	method, path string // the path without the base
	resource     Resource
	verb         Verb
	open         bool // needs no authentication
	givesToken   bool // for CSRF: pages of other origins must be listed, loopback included
	across       bool // can read all namespaces at once
	summary      string
	handle       func(*namespaceHandler, *request) (response, error)

	body         bool                    // a request can have a JSON body
	maxBody      int64                   // maximum size of a body; 0: Options.MaxBodyBytes
	anyVersion   bool                    // the API version of the client is not checked
	notFoundText func(id string) problem // text for a run, state or limit that does not exist; nil: not needed

	// serve makes the route a websocket. Requests without an upgrade do not match it (contract §1.6).
	serve socketHandler
}

// bodyLimit returns the maximum size of a body of the route, in bytes. usual is the default limit.
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

// valueLimit returns the maximum number of JSON values in a body of the route.
func (rt *route) valueLimit(usual int) int {
	if rt.maxBody >= maxLogBody {
		return 2 * usual
	}
	return usual
}

// Parts are the parts of a server that are served or not.
type Parts struct{ Limits, Flows bool }

// allParts are all of them.
var allParts = Parts{Limits: true, Flows: true}

// table returns the routes of a server with all parts. The order counts: the first route that matches the path and the
// method is used. If the path has other methods only, the response names the first of them (contract §1.1).
func table() []route { return servedRoutes(allParts) }

// servedRoutes returns the routes of a server with these parts.
func servedRoutes(parts Parts) []route {
	flows := standInRoutes
	if parts.Flows {
		flows = func() []route {
			return slices.Concat(flowListRoutes(), keptFlowRoutes(), flowRunRoutes(), flowRunInputRoutes())
		}
	}
	var limits []route
	if parts.Limits {
		limits = slices.Concat(tagLimitRoutes(), limitRoutes())
	}
	return slices.Concat(lists(), runRoutes(), eventRoutes(), flows(), limits, emptyListRoutes(), otherRoutes())
}

// runRoutes are the routes of task runs and their states.
func runRoutes() []route {
	const (
		run   = "/task_runs/" + idParameter
		state = "/task_run_states/" + idParameter
	)
	return []route{
		{
			method: http.MethodPost, path: "/task_runs/", resource: ResourceTaskRuns, verb: VerbCreate, summary: "Create a task run, or return the one with the same keys",
			handle: (*namespaceHandler).create, body: true,
		},
		{
			method: http.MethodPatch, path: run, resource: ResourceTaskRuns, verb: VerbUpdate, summary: "Rename a task run",
			handle: (*namespaceHandler).rename, body: true, maxBody: maxListBody, notFoundText: detailText("Task run not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/count", resource: ResourceTaskRuns, verb: VerbList, summary: "Count the matching task runs",
			handle: (*namespaceHandler).count, across: true, body: true,
		},
		{
			method: http.MethodGet, path: run, resource: ResourceTaskRuns, verb: VerbGet, summary: "Read a task run",
			handle: (*namespaceHandler).read, notFoundText: detailText("Task not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "List the matching task runs",
			handle: (*namespaceHandler).filter, across: true, body: true,
		},
		{
			method: http.MethodDelete, path: run, resource: ResourceTaskRuns, verb: VerbDelete, summary: "Delete a task run and its states",
			handle: (*namespaceHandler).remove, notFoundText: detailText("Task not found"),
		},
		{
			method: http.MethodPost, path: run + "/set_state", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "Propose a state for a task run",
			handle: (*namespaceHandler).setState, body: true, notFoundText: runNotFoundText,
		},
		{
			method: http.MethodGet, path: state, resource: ResourceTaskRuns, verb: VerbGet, summary: "Read a task run state",
			handle: (*namespaceHandler).readState, notFoundText: detailText("Flow run state not found"),
		},
		{
			method: http.MethodGet, path: "/task_run_states/", resource: ResourceTaskRuns, verb: VerbGet, summary: "List the states of a task run",
			handle: (*namespaceHandler).listStates,
		},
	}
}

// otherRoutes are the routes of the server itself.
func otherRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/health", open: true, summary: "Check that the server is running", handle: (*namespaceHandler).health, anyVersion: true},
		{method: http.MethodGet, path: "/version", summary: "Read the API version", handle: (*namespaceHandler).version, anyVersion: true},
		{method: http.MethodGet, path: "/ready", open: true, summary: "Check that the server is ready", handle: (*namespaceHandler).ready},
		{method: http.MethodGet, path: "/hello", open: true, summary: "Say hello", handle: (*namespaceHandler).hello},
		{method: http.MethodGet, path: "/admin/settings", summary: "Read the settings that the Prefect UI uses", handle: (*namespaceHandler).adminSettings},
		{method: http.MethodGet, path: "/admin/version", summary: "Read the Prefect version", handle: (*namespaceHandler).adminVersion},
		{method: http.MethodGet, path: "/admin/storage", summary: "Read the storage settings", handle: (*namespaceHandler).adminStorage},
		{method: http.MethodGet, path: "/csrf-token", givesToken: true, summary: "Get a CSRF token, or an error if CSRF protection is disabled", handle: (*namespaceHandler).csrfToken},
		{method: http.MethodGet, path: pathOpenAPI, summary: "Read the OpenAPI document", handle: (*namespaceHandler).openAPI, anyVersion: true},
		{method: http.MethodGet, path: "/docs", summary: "Show the OpenAPI document as a page", handle: (*namespaceHandler).docs, anyVersion: true},
		{
			method: http.MethodGet, path: "/docs/" + assetParameter, summary: "Read a file of the documentation page",
			handle: (*namespaceHandler).docsAsset, anyVersion: true, notFoundText: detailText("Not Found"),
		},
	}
}

// lists are the routes of lists, counts and logs. Their paths have no other methods.
func lists() []route {
	return []route{
		{
			method: http.MethodPost, path: "/task_runs/paginate", resource: ResourceTaskRuns, verb: VerbList, summary: "List the matching task runs, one page at a time",
			handle: (*namespaceHandler).paginate, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/task_runs/history", resource: ResourceTaskRuns, verb: VerbList, summary: "Count task runs by expected start time and state",
			handle: (*namespaceHandler).history, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/task_runs/count", resource: ResourceTaskRuns, verb: VerbList, summary: "Count the matching task runs by state type",
			handle: (*namespaceHandler).uiCount, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/task_runs/dashboard/counts", resource: ResourceTaskRuns, verb: VerbList, summary: "Count completed and failed task runs by start time",
			handle: (*namespaceHandler).uiDashboard, across: true, body: true,
		},
		{
			method: http.MethodGet, path: "/ui/task_runs/" + idParameter, resource: ResourceTaskRuns, verb: VerbGet, summary: "Read a task run with the name of its flow run",
			handle: (*namespaceHandler).uiRead, notFoundText: detailText("Task not found"),
		},
		{
			method: http.MethodPost, path: "/ui/flow_runs/count-task-runs", resource: ResourceTaskRuns, verb: VerbList, summary: "Count the task runs of flow runs",
			handle: (*namespaceHandler).uiCountByFlowRun, across: true, body: true,
		},
		{
			method: http.MethodPost, path: "/task_workers/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "List the connected task workers",
			handle: (*namespaceHandler).filterTaskWorkers, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: "/logs/", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "Create log lines",
			handle: (*namespaceHandler).addLogs, body: true, maxBody: maxLogBody,
		},
		{
			method: http.MethodPost, path: "/logs/filter", resource: ResourceTaskRuns, verb: VerbList, summary: "List the matching log lines",
			handle: (*namespaceHandler).filterLogs, body: true,
		},
		{
			method: http.MethodGet, path: "/observed-states", resource: ResourceTaskRuns, verb: VerbList, summary: "List the current and earlier states of task runs",
			handle: (*namespaceHandler).observedStates, across: true,
		},
	}
}

// tagLimitRoutes are the older routes of concurrency limits, for limits on tags.
func tagLimitRoutes() []route {
	const (
		base     = "/concurrency_limits"
		notFound = "Concurrency limit not found"
	)
	return []route{
		{
			method: http.MethodPost, path: base + "/", resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "Create or update the concurrency limit of a tag",
			handle: (*namespaceHandler).createTagLimit, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodGet, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "Read the concurrency limit of a tag by id",
			handle: (*namespaceHandler).readTagLimit, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodGet, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "Read the concurrency limit of a tag",
			handle: (*namespaceHandler).readLimitOfTag, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "List the concurrency limits of tags",
			handle: (*namespaceHandler).filterTagLimits, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPost, path: base + "/tag/" + tagParameter + "/reset", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Release all slots of the concurrency limit of a tag",
			handle: (*namespaceHandler).resetLimitOfTag, body: true, maxBody: maxListBody, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodDelete, path: base + "/" + idParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "Delete the concurrency limit of a tag by id",
			handle: (*namespaceHandler).removeTagLimit, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodDelete, path: base + "/tag/" + tagParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "Delete the concurrency limit of a tag",
			handle: (*namespaceHandler).removeLimitOfTag, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Acquire slots of tags for a task run",
			handle: (*namespaceHandler).incrementTags, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Release slots of tags",
			handle: (*namespaceHandler).decrementTags, body: true, maxBody: maxListBody,
		},
	}
}

// limitRoutes are the routes of concurrency limits with any name.
func limitRoutes() []route {
	const (
		base     = "/v2/concurrency_limits"
		notFound = "Concurrency Limit not found"
	)
	return []route{
		{
			method: http.MethodPost, path: base + "/", resource: ResourceConcurrencyLimits, verb: VerbCreate, summary: "Create a concurrency limit",
			handle: (*namespaceHandler).createLimit, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodGet, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbGet, summary: "Read a concurrency limit",
			handle: (*namespaceHandler).readLimit, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodPost, path: base + "/filter", resource: ResourceConcurrencyLimits, verb: VerbList, summary: "List all concurrency limits",
			handle: (*namespaceHandler).filterLimits, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPatch, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbUpdate, summary: "Update a concurrency limit",
			handle: (*namespaceHandler).updateLimit, body: true, maxBody: maxSmallBody, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodDelete, path: base + "/" + idOrNameParameter, resource: ResourceConcurrencyLimits, verb: VerbDelete, summary: "Delete a concurrency limit",
			handle: (*namespaceHandler).removeLimit, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodPost, path: base + "/increment", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Acquire slots",
			handle: (*namespaceHandler).increment, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/increment-with-lease", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Acquire slots with a lease",
			handle: (*namespaceHandler).incrementWithLease, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Release slots",
			handle: (*namespaceHandler).decrement, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPost, path: base + "/decrement-with-lease", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Release the slots of a lease",
			handle: (*namespaceHandler).decrementWithLease, body: true, maxBody: maxSmallBody,
		},
		{
			method: http.MethodPost, path: base + "/leases/" + leaseParameter + "/renew", resource: ResourceConcurrencySlots, verb: VerbUpdate, summary: "Renew a lease",
			handle: (*namespaceHandler).renewLease, body: true, maxBody: maxSmallBody,
		},
	}
}

// AggregatedGroup and AggregatedVersion are the API group and version of the routes in the aggregation layer of the
// Kubernetes API server.
const (
	AggregatedGroup   = "rest.taskrun.dev"
	AggregatedVersion = "v1alpha1"
	// AggregatedPath begins the paths of such requests.
	AggregatedPath = "/apis/" + AggregatedGroup + "/" + AggregatedVersion
)

// discoveryRoutes serve the discovery documents that the API server requests for its own clients. They have no data of
// namespaces.
func discoveryRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/apis", summary: "List the API groups", handle: (*namespaceHandler).apiGroups, anyVersion: true},
		{method: http.MethodGet, path: "/apis/" + AggregatedGroup, summary: "List the versions of the API group", handle: (*namespaceHandler).apiGroup, anyVersion: true},
		{method: http.MethodGet, path: AggregatedPath, summary: "List the resources of the API group", handle: (*namespaceHandler).apiResources, anyVersion: true},
		{method: http.MethodGet, path: "/openapi/v3", summary: "List the OpenAPI documents", handle: (*namespaceHandler).openAPIIndex, anyVersion: true},
		{method: http.MethodGet, path: "/openapi/v3" + AggregatedPath, summary: "Read the OpenAPI document of the API group", handle: (*namespaceHandler).openAPIAggregated, anyVersion: true},
	}
}

// eventRoutes are the routes of events and of background runs. Most are websockets.
func eventRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/events", resource: ResourceTaskRunStates, verb: VerbUpdate, summary: "Send events",
			handle: (*namespaceHandler).postEvents, body: true,
		},
		{
			method: http.MethodGet, path: "/task_runs/subscriptions/scheduled", resource: ResourceTaskRunStates, verb: VerbUpdate,
			summary: "Receive task runs to execute (websocket)", serve: (*namespaceHandler).subscription,
		},
		{
			method: http.MethodGet, path: "/events/in", resource: ResourceTaskRunStates, verb: VerbUpdate,
			summary: "Send events (websocket)", serve: (*namespaceHandler).eventsIn,
		},
		{
			method: http.MethodGet, path: "/events/out", resource: ResourceTaskRuns, verb: VerbList,
			summary: "Receive events (websocket)", serve: (*namespaceHandler).eventsOut,
		},
	}
}
