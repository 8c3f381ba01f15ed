package rest

import "net/http"

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
