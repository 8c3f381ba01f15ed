package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeSetState reads the parameters of set_state: state, which is required, and force.
func DecodeSetState(body pyjson.Value) (taskrun.Proposal, error) {
	var faults validate.Faults
	p, ok := parametersOf(&faults, body, "state", "force")
	if !ok {
		return taskrun.Proposal{}, invalid(&faults, body)
	}
	state, given := p.Given("state")
	var proposal taskrun.Proposal
	if given {
		proposal = readState(state)
	} else {
		faults.Report(validate.Missing(nullValue, "body", "state"))
	}
	if force, given := p.Given("force"); given {
		proposal.Force = force.Bool()
	}
	return proposal, invalid(&faults, body)
}

// parametersOf reads a body whose keys are parameters of the route. A null body counts
// as one without keys. If the body is not an object, every parameter is missing, even an
// optional one (contract §1.2).
func parametersOf(faults *validate.Faults, body pyjson.Value, names ...string) (p *validate.Model, ok bool) {
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
