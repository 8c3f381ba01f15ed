package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// adminVersion answers with the version of Prefect that clients are to expect.
func (s *space) adminVersion(*request) (response, error) {
	return response{status: http.StatusOK, body: pyjson.AppendText(nil, s.options.PrefectVersion)}, nil
}
