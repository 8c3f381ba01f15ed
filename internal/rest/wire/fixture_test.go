package wire

import "github.com/taskrun-dev/taskrun-operator/test/sample"

// Ids that tests use.
const (
	idKnown   = sample.IDKnown
	idOther   = sample.IDOther
	idUnknown = sample.IDUnknown
	idFlowRun = sample.IDFlowRun
)

var noon = sample.Noon
