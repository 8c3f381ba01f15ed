package rest

import (
	"net/http"
)

// flow answers with what is known of any flow: its id, which is its name too.
// An SDK asks for it before it reports a state from inside a flow, and drops the
// report if there is no answer (contract §4.8).
func (s *space) flow(r *request) (response, error) {
	return response{status: http.StatusOK, body: appendFlow(make([]byte, 0, roomForText), r.parameter)}, nil
}
