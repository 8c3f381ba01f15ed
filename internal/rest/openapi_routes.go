package rest

// routeDoc is what the document says of a route beside what the table says, and
// beside the answers that come by rule. Schemas are named as in
// openapi/components.json; [Name] is a list of them.
type routeDoc struct {
	query    []string       // names of parameters
	body     string         // schema of the body, "" if there is none
	optional bool           // no body at all will do
	content  string         // media type of the answers of 200; "": JSON
	answers  map[int]string // schema of the body by status, "" for no body
}

// answers by status, in short.
type answers = map[int]string

// routeDocs has every route by its method and path.
var routeDocs = map[string]routeDoc{
	"POST /task_runs/":               {body: "TaskRunCreate", answers: answers{200: "TaskRun", 201: "TaskRun", 404: "Detail"}},
	"PATCH /task_runs/{id}":          {body: "TaskRunUpdate", answers: answers{204: ""}},
	"POST /task_runs/count":          {body: "TaskRunCountBody", optional: true, answers: answers{200: "Natural", 422: "Unprocessable"}},
	"GET /task_runs/{id}":            {answers: answers{200: "TaskRun"}},
	"POST /task_runs/filter":         {body: "TaskRunFilterBody", optional: true, answers: answers{200: "[TaskRun]", 422: "Unprocessable"}},
	"POST /task_runs/paginate":       {body: "TaskRunPaginateBody", optional: true, answers: answers{200: "TaskRunPaginationResponse", 422: "Unprocessable"}},
	"POST /task_runs/history":        {body: "TaskRunHistoryBody", answers: answers{200: "[HistoryResponse]", 422: "Unprocessable"}},
	"DELETE /task_runs/{id}":         {answers: answers{204: ""}},
	"POST /task_runs/{id}/set_state": {body: "SetStateBody", answers: answers{200: "OrchestrationResult", 201: "OrchestrationResult"}},
	"GET /task_run_states/{id}":      {answers: answers{200: "State"}},
	"GET /task_run_states/":          {query: []string{"task_run_id"}, answers: answers{200: "[State]"}},

	"POST /task_workers/filter": {body: "TaskWorkerFilterBody", optional: true, answers: answers{200: "[TaskWorkerResponse]"}},
	"POST /ui/task_runs/count":  {body: "TaskRunCountBody", optional: true, answers: answers{200: "CountByState", 422: "Unprocessable"}},
	"GET /ui/task_runs/{id}":    {answers: answers{200: "UITaskRun"}},
	"GET /observed-states": {
		query: []string{"observed_query", "observed_order", "observed_limit"}, answers: answers{200: "[ObservedState]"},
	},
	"POST /logs/":                         {body: "LogsCreate", answers: answers{201: "Null"}},
	"POST /logs/filter":                   {body: "LogFilterBody", optional: true, answers: answers{200: "[Log]", 422: "Unprocessable"}},
	"POST /ui/task_runs/dashboard/counts": {body: "DashboardCountsBody", answers: answers{200: "TaskRunCounts", 422: "Unprocessable"}},
	"POST /ui/flow_runs/count-task-runs":  {body: "CountTaskRunsBody", answers: answers{200: "CountByFlowRun"}},

	"POST /events":    {body: "EventsBody", answers: answers{204: ""}},
	"GET /flows/{id}": {answers: answers{200: "Flow"}},

	"POST /concurrency_limits/":                {body: "ConcurrencyLimitCreate", answers: answers{200: "ConcurrencyLimit", 201: "ConcurrencyLimit", 404: "Detail"}},
	"POST /concurrency_limits/filter":          {body: "LimitsFilterBody", optional: true, answers: answers{200: "[ConcurrencyLimit]", 422: "Unprocessable"}},
	"GET /concurrency_limits/{id}":             {answers: answers{200: "ConcurrencyLimit"}},
	"DELETE /concurrency_limits/{id}":          {answers: answers{200: "Null"}},
	"GET /concurrency_limits/tag/{tag}":        {answers: answers{200: "ConcurrencyLimit"}},
	"POST /concurrency_limits/tag/{tag}/reset": {body: "SlotOverrideBody", optional: true, answers: answers{200: "Null"}},
	"DELETE /concurrency_limits/tag/{tag}":     {answers: answers{200: "Null"}},
	"POST /concurrency_limits/increment":       {body: "TagSlotsBody", answers: answers{200: "[MinimalConcurrencyLimitResponse]"}},
	"POST /concurrency_limits/decrement":       {body: "TagSlotsBody", answers: answers{200: "[MinimalConcurrencyLimitResponse]"}},

	"POST /v2/concurrency_limits/":               {body: "ConcurrencyLimitV2Create", answers: answers{201: "ConcurrencyLimitV2", 404: "Detail"}},
	"GET /v2/concurrency_limits/{id_or_name}":    {answers: answers{200: "GlobalConcurrencyLimitResponse"}},
	"POST /v2/concurrency_limits/filter":         {body: "LimitsFilterBody", optional: true, answers: answers{200: "[GlobalConcurrencyLimitResponse]", 422: "Unprocessable"}},
	"PATCH /v2/concurrency_limits/{id_or_name}":  {body: "ConcurrencyLimitV2Update", answers: answers{204: "", 409: "Detail"}},
	"DELETE /v2/concurrency_limits/{id_or_name}": {answers: answers{204: ""}},
	"POST /v2/concurrency_limits/increment":      {body: "SlotsBody", answers: answers{200: "[MinimalConcurrencyLimitResponse]", 422: "Unprocessable"}},
	"POST /v2/concurrency_limits/decrement":      {body: "ReturnedSlotsBody", answers: answers{200: "[MinimalConcurrencyLimitResponse]"}},
	"POST /v2/concurrency_limits/leases/{lease_id}/renew": {
		body: "LeaseRenewBody", optional: true, answers: answers{204: "", 410: "Detail"},
	},
	"POST /v2/concurrency_limits/increment-with-lease": {
		body: "SlotsWithLeaseBody", answers: answers{200: "ConcurrencyLimitWithLeaseResponse", 422: "Unprocessable"},
	},
	"POST /v2/concurrency_limits/decrement-with-lease": {body: "LeaseBody", answers: answers{204: ""}},

	"GET /health":        {answers: answers{200: "True"}},
	"GET /version":       {answers: answers{200: "Text"}},
	"GET /ready":         {answers: answers{200: "Readiness", 503: "Readiness"}},
	"GET /hello":         {answers: answers{200: "Text"}},
	"GET /admin/version": {answers: answers{200: "Text"}},
	"GET /admin/storage": {answers: answers{200: "ServerDefaultResultStorage"}},
	"GET /csrf-token":    {query: []string{"client"}, answers: answers{200: "CsrfToken", 422: "Unprocessable"}},
	"GET /openapi.json":  {answers: answers{200: "Document"}},
	"GET /docs":          {content: "text/html", answers: answers{200: "Text"}},
	"GET /docs/{asset}":  {content: "*/*", answers: answers{200: "File"}},
}
