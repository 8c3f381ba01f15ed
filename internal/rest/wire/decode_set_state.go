package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeSetState reads the parameters of set_state: state, which is required, and force.
func DecodeSetState(body pyjson.Value) (taskrun.Proposal, []validate.Error) {
	var faults validate.Faults
	p, fault := parametersOf(&faults, body, "state", "force")
	if fault != nil {
		return taskrun.Proposal{}, fault
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
	return proposal, faults.Errors()
}

// parametersOf reads a body whose keys are parameters of the route. A null body
// stands for one without keys. In any other body that is no object, every
// parameter is missing, the optional ones too (contract §1.2).
func parametersOf(faults *validate.Faults, body pyjson.Value, names ...string) (*validate.Model, []validate.Error) {
	if body.IsNull() {
		body = emptyObject
	}
	if m, ok := faults.Node(body, "body").Model(); ok {
		return m, nil
	}
	missing := make([]validate.Error, 0, len(names))
	for _, name := range names {
		missing = append(missing, validate.Missing(nullValue, "body", name))
	}
	return nil, missing
}

var emptyObject = parsed([]byte("{}"))
