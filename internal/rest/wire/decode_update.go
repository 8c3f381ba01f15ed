package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// DecodeUpdate reads a TaskRunUpdate (contract §2.2). Without a name it returns nil. An empty name requests a generated
// one.
func DecodeUpdate(body pyjson.Value) (name *string, err error) {
	if body.IsNull() {
		return nil, missingBody()
	}
	var faults validate.Faults
	m, ok := faults.Node(body, "body").Model()
	if !ok {
		return nil, invalid(&faults, body)
	}
	text := readName(m)
	m.ForbidOthers()
	if _, given := body.Member("name"); given {
		name = &text
	}
	return name, invalid(&faults, body)
}
