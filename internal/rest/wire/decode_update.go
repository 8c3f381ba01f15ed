package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// DecodeUpdate reads a TaskRunUpdate (contract §2.2). Without a name it returns nil. An empty name requests a generated
// one.
func DecodeUpdate(body pyjson.Value) (name *string, faults []validate.Error) {
	if body.IsNull() {
		return nil, []validate.Error{validate.Missing(body, "body")}
	}
	var found validate.Faults
	m, ok := found.Node(body, "body").Model()
	if !ok {
		return nil, found.Errors()
	}
	text := readName(m)
	m.ForbidOthers()
	if _, given := body.Member("name"); given {
		name = &text
	}
	return name, found.Errors()
}
