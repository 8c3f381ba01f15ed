package flowwire

import (
	"encoding/json"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// DecodeLabels reads a body that is labels. Unlike Prefect, which accepts any value and then fails to read the run, it
// rejects values that are not scalars (flows contract §2.2).
func DecodeLabels(body pyjson.Value) (labels map[string]json.RawMessage, err error) {
	var faults validate.Faults
	if body.IsNull() {
		faults.Report(validate.Missing(body, "body"))
		return nil, wire.Invalid(&faults, body)
	}
	labels = validate.Dict(faults.Node(body, "body"), func(n validate.Node) json.RawMessage { return n.Scalar().AppendTo(nil) })
	return labels, wire.Invalid(&faults, body)
}
