package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// flow responds with a flow of any id. The id is also the name. An SDK requests the flow before it reports a state from
// inside a flow, and drops the report without a response (contract §4.8).
func (s *namespaceHandler) flow(r *request) (response, error) {
	return response{status: http.StatusOK, body: wire.AppendFlow(make([]byte, 0, wire.TextSize), r.parameter)}, nil
}
