package rest

import "net/http"

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
