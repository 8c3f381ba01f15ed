package rest

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// decodeStatesQuery reads the id of the run whose states are asked for. The
// last of several wins.
func decodeStatesQuery(rawQuery string) (taskRunID string, errs []validate.Error) {
	const key = "task_run_id"
	id, given := queryValue(rawQuery, key)
	if !given {
		return "", []validate.Error{validate.Missing(nullValue, "query", key)}
	}
	var faults validate.Faults
	taskRunID = faults.Node(pyjson.StringValue(id), "query", key).UUID()
	return taskRunID, faults.Errors()
}
