package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

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
