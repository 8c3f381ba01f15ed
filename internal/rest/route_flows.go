package rest

import "net/http"

// keptFlowRoutes are the routes of flows.
func keptFlowRoutes() []route {
	const (
		flow     = "/flows/" + idParameter
		notFound = "Flow not found"
	)
	return []route{
		{
			method: http.MethodPost, path: "/flows/", resource: ResourceRegisteredFlows, verb: VerbCreate, summary: "Register a flow, or return the one with the same name",
			handle: (*namespaceHandler).createFlow, body: true, maxBody: maxListBody,
		},
		{
			method: http.MethodPatch, path: flow, resource: ResourceRegisteredFlows, verb: VerbUpdate, summary: "Replace the tags of a flow",
			handle: (*namespaceHandler).updateFlow, body: true, maxBody: maxListBody, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodGet, path: "/flows/name/" + nameParameter, resource: ResourceRegisteredFlows, verb: VerbGet, summary: "Read a flow by its name",
			handle: (*namespaceHandler).readFlowNamed, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodGet, path: flow, resource: ResourceRegisteredFlows, verb: VerbGet, summary: "Read a flow",
			handle: (*namespaceHandler).readFlow, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodDelete, path: flow, resource: ResourceRegisteredFlows, verb: VerbDelete, summary: "Delete a flow, its flow runs and their task runs",
			handle: (*namespaceHandler).deleteFlow, notFoundText: detailText(notFound),
		},
	}
}

// flowListRoutes are the routes of many flows and flow runs.
func flowListRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/flows/count", resource: ResourceRegisteredFlows, verb: VerbList, summary: "Count the matching flows",
			handle: (*namespaceHandler).countFlows, body: true,
		},
		{
			method: http.MethodPost, path: "/flows/filter", resource: ResourceRegisteredFlows, verb: VerbList, summary: "List the matching flows",
			handle: (*namespaceHandler).filterFlows, body: true,
		},
		{
			method: http.MethodPost, path: "/flows/bulk_delete", resource: ResourceRegisteredFlows, verb: VerbDelete, summary: "Delete the matching flows, their flow runs and their task runs",
			handle: (*namespaceHandler).bulkDeleteFlows, body: true,
		},
		{
			method: http.MethodPost, path: "/flows/paginate", resource: ResourceRegisteredFlows, verb: VerbList, summary: "Read a page of the matching flows",
			handle: (*namespaceHandler).paginateFlows, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/count", resource: ResourceFlowRuns, verb: VerbList, summary: "Count the matching flow runs",
			handle: (*namespaceHandler).countFlowRuns, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/lateness", resource: ResourceFlowRuns, verb: VerbList, summary: "Read the mean lateness of the matching flow runs",
			handle: (*namespaceHandler).flowRunLateness, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/history", resource: ResourceFlowRuns, verb: VerbList, summary: "Count the matching flow runs by expected start time",
			handle: (*namespaceHandler).flowRunHistory, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/filter", resource: ResourceFlowRuns, verb: VerbList, summary: "List the matching flow runs",
			handle: (*namespaceHandler).filterFlowRuns, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/bulk_delete", resource: ResourceFlowRuns, verb: VerbDelete, summary: "Delete the matching flow runs, their states and their task runs",
			handle: (*namespaceHandler).bulkDeleteFlowRuns, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/bulk_set_state", resource: ResourceFlowRunStates, verb: VerbUpdate, summary: "Propose a state for the matching flow runs",
			handle: (*namespaceHandler).bulkSetFlowRunState, body: true,
		},
		{
			method: http.MethodPost, path: "/flow_runs/paginate", resource: ResourceFlowRuns, verb: VerbList, summary: "Read a page of the matching flow runs",
			handle: (*namespaceHandler).paginateFlowRuns, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/flows/count-deployments", resource: ResourceRegisteredFlows, verb: VerbList, summary: "Count the deployments of flows",
			handle: (*namespaceHandler).countDeployments, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/flows/next-runs", resource: ResourceFlowRuns, verb: VerbList, summary: "List the next scheduled run of each flow",
			handle: (*namespaceHandler).nextFlowRuns, body: true,
		},
		{
			method: http.MethodPost, path: "/ui/flow_runs/history", resource: ResourceFlowRuns, verb: VerbList, summary: "List the start and duration of the matching flow runs",
			handle: (*namespaceHandler).flowRunPoints, body: true,
		},
	}
}

// standInRoutes are the routes of flows of a server that does not keep them.
func standInRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/flows/" + idParameter, summary: "Read a flow (its name is its id)",
		handle: (*namespaceHandler).flow, notFoundText: detailText("Flow not found"),
	}}
}

const (
	flowRunPath         = "/flow_runs/" + idParameter
	textFlowRunNotFound = "Flow run not found"
)

func flowRunNotFoundText(id string) problem {
	return problem{keyMessage, "Flow run with id " + id + " not found"}
}

// flowRunRoutes are the routes of flow runs and their states.
func flowRunRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/flow_runs/", resource: ResourceFlowRuns, verb: VerbCreate, summary: "Create a flow run, or return the one with the same idempotency key",
			handle: (*namespaceHandler).createFlowRun, body: true,
		},
		{
			method: http.MethodPatch, path: flowRunPath, resource: ResourceFlowRuns, verb: VerbUpdate, summary: "Update a flow run",
			handle: (*namespaceHandler).updateFlowRun, body: true, notFoundText: detailText(textFlowRunNotFound),
		},
		{
			method: http.MethodGet, path: flowRunPath, resource: ResourceFlowRuns, verb: VerbGet, summary: "Read a flow run",
			handle: (*namespaceHandler).readFlowRun, notFoundText: detailText(textFlowRunNotFound),
		},
		{
			method: http.MethodPost, path: flowRunPath + "/resume", resource: ResourceFlowRunStates, verb: VerbUpdate, summary: "Resume a paused flow run",
			handle: (*namespaceHandler).resumeFlowRun, body: true, notFoundText: flowRunNotFoundText,
		},
		{
			method: http.MethodDelete, path: flowRunPath, resource: ResourceFlowRuns, verb: VerbDelete, summary: "Delete a flow run, its states and its task runs",
			handle: (*namespaceHandler).deleteFlowRun, notFoundText: detailText(textFlowRunNotFound),
		},
		{
			method: http.MethodPost, path: flowRunPath + "/set_state", resource: ResourceFlowRunStates, verb: VerbUpdate, summary: "Propose a state for a flow run",
			handle: (*namespaceHandler).setFlowRunState, body: true, notFoundText: flowRunNotFoundText,
		},
		{
			method: http.MethodGet, path: flowRunPath + "/logs/download", resource: ResourceFlowRuns, verb: VerbGet, summary: "Download the log lines of a flow run as comma-separated values",
			handle: (*namespaceHandler).downloadLogs, notFoundText: detailText(textFlowRunNotFound),
		},
		{
			method: http.MethodGet, path: flowRunPath + "/graph", resource: ResourceFlowRuns, verb: VerbGet, summary: "List the task runs of a flow run and what they depend on",
			handle: (*namespaceHandler).readDependencies, notFoundText: flowRunNotFoundText,
		},
		{
			method: http.MethodGet, path: flowRunPath + "/graph-v2", resource: ResourceFlowRuns, verb: VerbGet, summary: "Read the graph of the task runs and subflows of a flow run",
			handle: (*namespaceHandler).readGraph, notFoundText: func(id string) problem { return problem{keyMessage, "Flow run " + id + " not found"} },
		},
		{
			method: http.MethodPatch, path: flowRunPath + "/labels", resource: ResourceFlowRuns, verb: VerbUpdate, summary: "Set labels of a flow run",
			handle: (*namespaceHandler).mergeFlowRunLabels, body: true, maxBody: maxListBody, notFoundText: flowRunNotFoundText,
		},
		{
			method: http.MethodGet, path: "/flow_run_states/" + idParameter, resource: ResourceFlowRuns, verb: VerbGet, summary: "Read a flow run state",
			handle: (*namespaceHandler).readFlowRunState, notFoundText: detailText("Flow run state not found"),
		},
		{
			method: http.MethodGet, path: "/flow_run_states/", resource: ResourceFlowRuns, verb: VerbGet, summary: "List the states of a flow run",
			handle: (*namespaceHandler).listFlowRunStates,
		},
	}
}

// flowRunInputRoutes are the routes of the inputs of flow runs.
func flowRunInputRoutes() []route {
	const (
		inputs   = flowRunPath + "/input"
		notFound = "Flow run input not found"
	)
	return []route{
		{
			method: http.MethodPost, path: inputs, resource: ResourceFlowRuns, verb: VerbUpdate, summary: "Send an input to a flow run",
			handle: (*namespaceHandler).createInput, body: true, notFoundText: detailText(textFlowRunNotFound),
		},
		{
			method: http.MethodPost, path: inputs + "/filter", resource: ResourceFlowRuns, verb: VerbGet, summary: "List the matching inputs of a flow run",
			handle: (*namespaceHandler).filterInputs, body: true, maxBody: maxListBody, notFoundText: detailText(textFlowRunNotFound),
		},
		{
			method: http.MethodGet, path: inputs + "/" + keyParameter, resource: ResourceFlowRuns, verb: VerbGet, summary: "Read an input of a flow run",
			handle: (*namespaceHandler).readInput, notFoundText: detailText(notFound),
		},
		{
			method: http.MethodDelete, path: inputs + "/" + keyParameter, resource: ResourceFlowRuns, verb: VerbUpdate, summary: "Delete an input of a flow run",
			handle: (*namespaceHandler).deleteInput, notFoundText: detailText(notFound),
		},
	}
}
