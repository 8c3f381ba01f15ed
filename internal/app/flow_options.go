package app

import (
	"flag"
	"fmt"

	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// FlowOptions configure what flow runs mean for task runs.
type FlowOptions struct {
	// UnknownFlowRuns selects what holds for task runs of flow runs that are not stored.
	UnknownFlowRuns flows.UnknownFlowRuns
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *FlowOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar((*string)(&o.UnknownFlowRuns), "unknown-flow-runs", string(o.UnknownFlowRuns),
		"task runs of flow runs that do not exist: `not-found` (rejected, as Prefect does) or running "+
			"(the flow run counts as running, for users whose flow runs are on another server)")
}

// Validate returns an error if an option is invalid.
func (o *FlowOptions) Validate() error {
	switch o.UnknownFlowRuns {
	case flows.UnknownNotFound, flows.UnknownRunning:
		return nil
	default:
		return fmt.Errorf("--unknown-flow-runs must be %s or %s, not %q", flows.UnknownNotFound, flows.UnknownRunning, o.UnknownFlowRuns)
	}
}
