package rest

import (
	"maps"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// prefectCodePage is the page about the Prefect code that works.
const prefectCodePage = "https://github.com/taskrun-dev/taskrun-operator/blob/main/docs/prefect-code.md"

// absentParts maps the prefixes of paths below the base to the parts of a Prefect server that the operator does not
// have. Prefect's clients request them.
var absentParts = map[string]string{
	"/artifacts":                        "artifacts",
	"/automations":                      "automations",
	"/block_capabilities":               "blocks",
	"/block_documents":                  "blocks",
	"/block_schemas":                    "blocks",
	"/block_types":                      "blocks",
	"/collections":                      "work pools",
	"/deployments":                      "deployments",
	"/events/count-by":                  "stored events",
	"/events/filter":                    "stored events",
	"/flow_run_notification_policies":   "flow runs",
	"/flow_run_states":                  "flow runs",
	"/flow_runs":                        "flow runs",
	"/flows":                            "flows",
	"/saved_searches":                   "saved searches",
	"/templates":                        "automations",
	"/ui/flow_runs":                     "flow runs",
	"/ui/flows":                         "flows",
	"/ui/schemas":                       "deployments",
	"/v2/concurrency_limits/work-pools": "work pools",
	"/variables":                        "variables",
	"/work_pools":                       "work pools",
	"/work_queues":                      "work queues",
}

// webPages lists the prefixes of paths outside the base that Prefect's clients print as links to its web page.
var webPages = []string{"/runs/", "/flow-runs/", "/task-runs/", "/dashboard"}

// flowParts are those of absentParts that a server with flows has.
var flowParts = []string{"/flow_run_states", "/flow_runs", "/flows", "/ui/flow_runs", "/ui/flows"}

// absentFrom returns the parts of a Prefect server that a server with or without flows does not have.
func absentFrom(flows bool) map[string]string {
	if !flows {
		return absentParts
	}
	absent := maps.Clone(absentParts)
	for _, part := range flowParts {
		delete(absent, part)
	}
	return absent
}

// noRoute returns the error of a path without a route. The text names the part of a Prefect server that has the path.
func (rt *router) noRoute(base, path string) error {
	if below, inside := strings.CutPrefix(path, base); inside {
		if part := absentPart(rt.absent, below); part != "" {
			return wire.NewDetailError(http.StatusNotFound, "taskrun-operator does not keep "+part+". What works: "+prefectCodePage)
		}
		return errNoRoute
	}
	for _, page := range webPages {
		if strings.HasPrefix(path, page) {
			return wire.NewDetailError(http.StatusNotFound, "taskrun-operator has no web page. To see a run: kubectl taskrun describe ID")
		}
	}
	return errNoRoute
}

// absentPart returns the absent part of a Prefect server that a path belongs to, "" for none.
func absentPart(absent map[string]string, path string) string {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		if part := absent[path[:end]]; part != "" {
			return part
		}
	}
	return ""
}

// emptyList is a list of objects that the operator does not keep. Prefect's web page and CLI request it, and an empty
// list is true.
type emptyList struct {
	path, objects string
	response      string // without any object
}

// The responses of lists without any object.
const (
	noObjects = "[]"
	noEvents  = `{"events":[],"total":0,"next_page":null}`
)

// emptyLists are these lists.
var emptyLists = []emptyList{
	{"/artifacts/filter", "artifacts", noObjects},
	{"/artifacts/latest/filter", "artifacts", noObjects},
	{"/automations/filter", "automations", noObjects},
	{"/block_documents/filter", "blocks", noObjects},
	{"/block_types/filter", "blocks", noObjects},
	{"/deployments/filter", "deployments", noObjects},
	{"/events/filter", "stored events", noEvents},
	{"/saved_searches/filter", "saved searches", noObjects},
	{"/variables/filter", "variables", noObjects},
	{"/work_pools/filter", "work pools", noObjects},
	{"/work_queues/filter", "work queues", noObjects},
}

// emptyListRoutes are the routes of emptyLists.
func emptyListRoutes() []route {
	var routes []route
	for _, list := range emptyLists {
		routes = append(routes, route{
			method: http.MethodPost, path: list.path, summary: "List no " + list.objects + ": the operator keeps none", body: true,
			handle: func(_ *namespaceHandler, r *request) (response, error) { return list.respond(r) },
		})
	}
	return append(routes, route{
		method: http.MethodPost, path: "/deployments/paginate", summary: "Read a page of no deployments: the operator keeps none", body: true,
		handle: (*namespaceHandler).paginateNothing,
	})
}

// respond responds with an empty list, if the parameters of paging are valid.
func (l *emptyList) respond(r *request) (response, error) {
	if err := wire.DecodePaging(r.body); err != nil {
		return response{}, err
	}
	return jsonBody(http.StatusOK, l.response), nil
}

// paginateNothing responds with a page of an empty list.
func (s *namespaceHandler) paginateNothing(r *request) (response, error) {
	limit, page, err := wire.DecodePage(r.body)
	if err != nil {
		return response{}, err
	}
	body := append(make([]byte, 0, wire.TextSize), wire.PageBegin...)
	return response{status: http.StatusOK, body: wire.AppendPageEnd(body, 0, limit, page)}, nil
}
