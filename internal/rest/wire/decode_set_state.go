package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeSetState reads the parameters of set_state: state, which is required, and force.
func DecodeSetState(body pyjson.Value) (taskrun.Proposal, error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "state", "force")
	if !ok {
		return taskrun.Proposal{}, Invalid(&faults, body)
	}
	state, given := p.Given("state")
	var proposal taskrun.Proposal
	if given {
		proposal = ReadState(state)
	} else {
		faults.Report(validate.Missing(nullValue, "body", "state"))
	}
	if force, given := p.Given("force"); given {
		proposal.Force = force.Bool()
	}
	return proposal, Invalid(&faults, body)
}

// ReadParameters reads a body whose keys are parameters of the route. A null body
// stands for one without keys. In any other body that is no object, every
// parameter is missing, the optional ones too (contract §1.2): ok is false and faults has them.
func ReadParameters(faults *validate.Faults, body pyjson.Value, names ...string) (p *validate.Model, ok bool) {
	if body.IsNull() {
		body = emptyObject
	}
	if body.Kind() == pyjson.Object {
		return faults.Node(body, "body").Model()
	}
	for _, name := range names {
		faults.Report(validate.Missing(nullValue, "body", name))
	}
	return nil, false
}

var emptyObject = parsed([]byte("{}"))
