package rest

import (
	"net/url"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// decodeStatesQuery reads the id of the run whose states are asked for. The
// last of several wins; what cannot be read of the query is left out.
func decodeStatesQuery(rawQuery string) (taskRunID string, errs []validate.Error) {
	const key = "task_run_id"
	values, _ := url.ParseQuery(rawQuery)
	ids := values[key]
	if len(ids) == 0 {
		return "", []validate.Error{validate.Missing(nullValue, "query", key)}
	}
	var faults validate.Faults
	taskRunID = faults.Node(pyjson.StringValue(ids[len(ids)-1]), "query", key).UUID()
	return taskRunID, faults.Errors()
}
