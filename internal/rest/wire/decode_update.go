package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// DecodeUpdate reads a TaskRunUpdate (contract §2.2). Without a name it returns nil. An empty name requests a generated
// one.
func DecodeUpdate(body pyjson.Value) (name *string, err error) {
	err = ReadModel(body, func(m *validate.Model) {
		name = ReadPart(m, "name", ReadName).Value
	})
	return name, err
}
