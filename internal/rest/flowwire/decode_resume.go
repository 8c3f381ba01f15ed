package flowwire

import (
	"encoding/json"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// DecodeResume reads the input with which a run is resumed (flows contract §2.3). It is nil if it is missing or null.
func DecodeResume(body pyjson.Value) (input json.RawMessage, err error) {
	const key = "run_input"
	var faults validate.Faults
	if p, ok := wire.ReadParameters(&faults, body, key); ok {
		if n, given := p.Given(key); given {
			input = readObject(n)
		}
	}
	return input, wire.Invalid(&faults, body)
}
