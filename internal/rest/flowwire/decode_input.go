package flowwire

import (
	"math"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// DecodeInput reads an input that is sent to a run (flows contract §2.2).
func DecodeInput(body pyjson.Value) (in flowrun.Input, err error) {
	var faults validate.Faults
	p, ok := wire.ReadParameters(&faults, body, "key", "value", "sender")
	if !ok {
		return in, wire.Invalid(&faults, body)
	}
	in.Key = wire.ReadRequired(p, &faults, "key", validate.Node.Text)
	in.Value = wire.ReadRequired(p, &faults, "value", readBytes)
	in.Sender = wire.ReadOptional(p, "sender", validate.Node.Text)
	return in, wire.Invalid(&faults, body)
}

// readBytes reads a string as pydantic reads bytes.
func readBytes(n validate.Node) string {
	if n.Value.Kind() != pyjson.String {
		n.Add("bytes_type", "Input should be a valid bytes", nil)
	}
	return n.Value.Text()
}

// DecodeInputFilter reads a filter of inputs (flows contract §2.2). A limit below 0 is none.
func DecodeInputFilter(body pyjson.Value) (f flowrun.InputFilter, err error) {
	var faults validate.Faults
	f.Limit = 1
	p, ok := wire.ReadParameters(&faults, body, "prefix", "limit", "exclude_keys")
	if !ok {
		return f, wire.Invalid(&faults, body)
	}
	f.Prefix = wire.ReadRequired(p, &faults, "prefix", validate.Node.Text)
	if n, given := p.Given("limit"); given {
		f.Limit = n.SmallInt()
	}
	if f.Limit < 0 {
		f.Limit = math.MaxInt
	}
	f.Exclude = wire.ReadList(p, "exclude_keys", validate.Node.Text)
	return f, wire.Invalid(&faults, body)
}
