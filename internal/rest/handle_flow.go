package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// flow answers with what is known of any flow: its id, which is its name too.
// An SDK asks for it before it reports a state from inside a flow, and drops the
// report if there is no answer (contract §4.8).
func (s *namespaceHandler) flow(r *request) (response, error) {
	return response{status: http.StatusOK, body: wire.AppendFlow(make([]byte, 0, wire.TextSize), r.parameter)}, nil
}
