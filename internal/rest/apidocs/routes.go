package apidocs

// routeDoc is the part of the description of a route that does not depend on its row in the routes table.
// Schemas have the names in components.json. [Name] is a list of them.
type routeDoc struct {
	query     []string       // names of parameters
	body      string         // schema of the body, "" if there is none
	optional  bool           // the request can have no body
	content   string         // media type of the response 200; "" is JSON
	responses map[int]string // schema of the body by status, "" for no body
}

// bodies are the schemas of the bodies of responses, by status.
type bodies = map[int]string

// routeDocs has each route by its method and path.
var routeDocs = map[string]routeDoc{
	"POST /task_runs/":               {body: "TaskRunCreate", responses: bodies{200: "TaskRun", 201: "TaskRun", 404: "Detail"}},
	"PATCH /task_runs/{id}":          {body: "TaskRunUpdate", responses: bodies{204: ""}},
	"POST /task_runs/count":          {body: "TaskRunCountBody", optional: true, responses: bodies{200: "Natural", 422: "Unprocessable"}},
	"GET /task_runs/{id}":            {responses: bodies{200: "TaskRun"}},
	"POST /task_runs/filter":         {body: "TaskRunFilterBody", optional: true, responses: bodies{200: "[TaskRun]", 422: "Unprocessable"}},
	"POST /task_runs/paginate":       {body: "TaskRunPaginateBody", optional: true, responses: bodies{200: "TaskRunPaginationResponse", 422: "Unprocessable"}},
	"POST /task_runs/history":        {body: "TaskRunHistoryBody", responses: bodies{200: "[HistoryResponse]", 422: "Unprocessable"}},
	"DELETE /task_runs/{id}":         {responses: bodies{204: ""}},
	"POST /task_runs/{id}/set_state": {body: "SetStateBody", responses: bodies{200: "OrchestrationResult", 201: "OrchestrationResult"}},
	"GET /task_run_states/{id}":      {responses: bodies{200: "State"}},
	"GET /task_run_states/":          {query: []string{"task_run_id"}, responses: bodies{200: "[State]"}},

	"POST /task_workers/filter": {body: "TaskWorkerFilterBody", optional: true, responses: bodies{200: "[TaskWorkerResponse]"}},
	"POST /ui/task_runs/count":  {body: "TaskRunCountBody", optional: true, responses: bodies{200: "CountByState", 422: "Unprocessable"}},
	"GET /ui/task_runs/{id}":    {responses: bodies{200: "UITaskRun"}},
	"GET /observed-states": {
		query: []string{"observed_query", "observed_order", "observed_limit"}, responses: bodies{200: "[ObservedState]"},
	},
	"POST /logs/":                         {body: "LogsCreate", responses: bodies{201: "Null"}},
	"POST /logs/filter":                   {body: "LogFilterBody", optional: true, responses: bodies{200: "[Log]", 422: "Unprocessable"}},
	"POST /ui/task_runs/dashboard/counts": {body: "DashboardCountsBody", responses: bodies{200: "TaskRunCounts", 422: "Unprocessable"}},
	"POST /ui/flow_runs/count-task-runs":  {body: "CountTaskRunsBody", responses: bodies{200: "CountByFlowRun"}},

	"POST /events": {body: "EventsBody", responses: bodies{204: ""}},

	"POST /flows/filter":             {body: "FlowFilterBody", optional: true, responses: bodies{200: "[Flow]", 422: "Unprocessable"}},
	"POST /flows/count":              {body: "FlowCountBody", optional: true, responses: bodies{200: "Natural"}},
	"POST /flows/paginate":           {body: "FlowPaginateBody", optional: true, responses: bodies{200: "FlowPaginationResponse", 422: "Unprocessable"}},
	"POST /flows/bulk_delete":        {body: "FlowsBulkDeleteBody", optional: true, responses: bodies{200: "BulkDeleteResponse"}},
	"POST /flow_runs/filter":         {body: "FlowRunFilterBody", optional: true, responses: bodies{200: "[FlowRun]", 422: "Unprocessable"}},
	"POST /flow_runs/count":          {body: "FlowRunCountBody", optional: true, responses: bodies{200: "Natural"}},
	"POST /flow_runs/lateness":       {body: "FlowRunCountBody", optional: true, responses: bodies{200: "SecondsOrNull"}},
	"POST /flow_runs/paginate":       {body: "FlowRunPaginateBody", optional: true, responses: bodies{200: "FlowRunPaginationResponse", 422: "Unprocessable"}},
	"POST /flow_runs/history":        {body: "FlowRunHistoryBody", responses: bodies{200: "[HistoryResponse]", 422: "Unprocessable"}},
	"POST /flow_runs/bulk_delete":    {body: "FlowRunsBulkDeleteBody", optional: true, responses: bodies{200: "BulkDeleteResponse"}},
	"POST /flow_runs/bulk_set_state": {body: "BulkSetStateBody", responses: bodies{200: "BulkSetStateResponse"}},
	"POST /ui/flow_runs/history":     {body: "FlowRunPointsBody", optional: true, responses: bodies{200: "[SimpleFlowRun]"}},

	"POST /ui/flows/count-deployments": {body: "FlowIDsBody", responses: bodies{200: "CountByFlow"}},
	"POST /ui/flows/next-runs":         {body: "FlowIDsBody", responses: bodies{200: "NextRunByFlow"}},

	"POST /flows/":           {body: "FlowCreate", responses: bodies{200: "Flow", 201: "Flow", 404: "Detail"}},
	"PATCH /flows/{id}":      {body: "FlowUpdate", responses: bodies{204: ""}},
	"GET /flows/{id}":        {responses: bodies{200: "Flow"}},
	"GET /flows/name/{name}": {responses: bodies{200: "Flow"}},
	"DELETE /flows/{id}":     {responses: bodies{204: ""}},

	"POST /flow_runs/":                   {body: "FlowRunCreate", responses: bodies{200: "FlowRun", 201: "FlowRun", 404: "Detail"}},
	"PATCH /flow_runs/{id}":              {body: "FlowRunUpdate", responses: bodies{204: ""}},
	"GET /flow_runs/{id}":                {responses: bodies{200: "FlowRun"}},
	"DELETE /flow_runs/{id}":             {responses: bodies{204: ""}},
	"POST /flow_runs/{id}/set_state":     {body: "SetStateBody", responses: bodies{200: "OrchestrationResult", 201: "OrchestrationResult"}},
	"POST /flow_runs/{id}/resume":        {body: "ResumeBody", optional: true, responses: bodies{200: "OrchestrationResult", 201: "OrchestrationResult"}},
	"PATCH /flow_runs/{id}/labels":       {body: "LabelsBody", responses: bodies{204: ""}},
	"GET /flow_runs/{id}/graph":          {responses: bodies{200: "[TaskRunDependencies]"}},
	"GET /flow_runs/{id}/graph-v2":       {query: []string{"since"}, responses: bodies{200: "FlowRunGraph"}},
	"GET /flow_runs/{id}/logs/download":  {content: "text/csv", responses: bodies{200: "Text"}},
	"POST /flow_runs/{id}/input":         {body: "FlowRunInputBody", responses: bodies{201: "Null", 409: "Detail"}},
	"POST /flow_runs/{id}/input/filter":  {body: "FlowRunInputFilterBody", responses: bodies{200: "[FlowRunInput]"}},
	"GET /flow_runs/{id}/input/{key}":    {content: "text/plain", responses: bodies{200: "Text"}},
	"DELETE /flow_runs/{id}/input/{key}": {responses: bodies{204: ""}},
	"GET /flow_run_states/{id}":          {responses: bodies{200: "State"}},
	"GET /flow_run_states/":              {query: []string{"flow_run_id"}, responses: bodies{200: "[State]"}},

	"POST /concurrency_limits/":                {body: "ConcurrencyLimitCreate", responses: bodies{200: "ConcurrencyLimit", 201: "ConcurrencyLimit", 404: "Detail"}},
	"POST /concurrency_limits/filter":          {body: "LimitsFilterBody", optional: true, responses: bodies{200: "[ConcurrencyLimit]", 422: "Unprocessable"}},
	"GET /concurrency_limits/{id}":             {responses: bodies{200: "ConcurrencyLimit"}},
	"DELETE /concurrency_limits/{id}":          {responses: bodies{200: "Null"}},
	"GET /concurrency_limits/tag/{tag}":        {responses: bodies{200: "ConcurrencyLimit"}},
	"POST /concurrency_limits/tag/{tag}/reset": {body: "SlotOverrideBody", optional: true, responses: bodies{200: "Null"}},
	"DELETE /concurrency_limits/tag/{tag}":     {responses: bodies{200: "Null"}},
	"POST /concurrency_limits/increment":       {body: "TagSlotsBody", responses: bodies{200: "[MinimalConcurrencyLimitResponse]"}},
	"POST /concurrency_limits/decrement":       {body: "TagSlotsBody", responses: bodies{200: "[MinimalConcurrencyLimitResponse]"}},

	"POST /v2/concurrency_limits/":               {body: "ConcurrencyLimitV2Create", responses: bodies{201: "ConcurrencyLimitV2", 404: "Detail"}},
	"GET /v2/concurrency_limits/{id_or_name}":    {responses: bodies{200: "GlobalConcurrencyLimitResponse"}},
	"POST /v2/concurrency_limits/filter":         {body: "LimitsFilterBody", optional: true, responses: bodies{200: "[GlobalConcurrencyLimitResponse]", 422: "Unprocessable"}},
	"PATCH /v2/concurrency_limits/{id_or_name}":  {body: "ConcurrencyLimitV2Update", responses: bodies{204: "", 409: "Detail"}},
	"DELETE /v2/concurrency_limits/{id_or_name}": {responses: bodies{204: ""}},
	"POST /v2/concurrency_limits/increment":      {body: "SlotsBody", responses: bodies{200: "[MinimalConcurrencyLimitResponse]", 422: "Unprocessable"}},
	"POST /v2/concurrency_limits/decrement":      {body: "ReturnedSlotsBody", responses: bodies{200: "[MinimalConcurrencyLimitResponse]"}},
	"POST /v2/concurrency_limits/leases/{lease_id}/renew": {
		body: "LeaseRenewBody", optional: true, responses: bodies{204: "", 410: "Detail"},
	},
	"POST /v2/concurrency_limits/increment-with-lease": {
		body: "SlotsWithLeaseBody", responses: bodies{200: "ConcurrencyLimitWithLeaseResponse", 422: "Unprocessable"},
	},
	"POST /v2/concurrency_limits/decrement-with-lease": {body: "LeaseBody", responses: bodies{204: ""}},

	"POST /artifacts/filter":        {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /artifacts/latest/filter": {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /automations/filter":      {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /block_documents/filter":  {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /block_types/filter":      {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /deployments/filter":      {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /saved_searches/filter":   {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /variables/filter":        {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /work_pools/filter":       {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /work_queues/filter":      {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyList", 422: "Unprocessable"}},
	"POST /events/filter":           {body: "LimitsFilterBody", optional: true, responses: bodies{200: "EmptyEventPage", 422: "Unprocessable"}},
	"POST /deployments/paginate":    {body: "PageBody", optional: true, responses: bodies{200: "EmptyPage", 422: "Unprocessable"}},

	"GET /health":         {responses: bodies{200: "True"}},
	"GET /version":        {responses: bodies{200: "Text"}},
	"GET /ready":          {responses: bodies{200: "Readiness", 503: "Readiness"}},
	"GET /hello":          {responses: bodies{200: "Text"}},
	"GET /admin/version":  {responses: bodies{200: "Text"}},
	"GET /admin/settings": {responses: bodies{200: "Settings"}},
	"GET /admin/storage":  {responses: bodies{200: "ServerDefaultResultStorage"}},
	"GET /csrf-token":     {query: []string{"client"}, responses: bodies{200: "CsrfToken", 422: "Unprocessable"}},
	"GET /openapi.json":   {responses: bodies{200: "Document"}},
	"GET /docs":           {content: "text/html", responses: bodies{200: "Text"}},
	"GET /docs/{asset}":   {content: "*/*", responses: bodies{200: "File"}},
}
