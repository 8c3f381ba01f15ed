package flowrun

import (
	"math"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Apply returns the run with the edit, within the bounds. newName replaces a name that is
// null or empty. Errors: *EditError if job variables are given that the run cannot have
// (flows contract §2.2), *InvalidError.
func (e *Edit) Apply(run *Run, newName string) (*Run, error) {
	if err := e.checkJobVariables(run); err != nil {
		return nil, err
	}
	next := *run
	if e.Name.Given {
		next.Name = newName
		if e.Name.Value != nil && *e.Name.Value != "" {
			next.Name = *e.Name.Value
		}
	}
	replacePointer(&next.FlowVersion, e.FlowVersion)
	replacePointer(&next.InfrastructurePID, e.InfrastructurePID)
	replace(&next.Parameters, e.Parameters)
	replace(&next.Tags, e.Tags)
	if e.JobVariables.Given {
		next.JobVariables = nil
		replace(&next.JobVariables, e.JobVariables)
	}
	if policy := e.Policy.Value; policy != nil {
		next.Policy = policy.Policy
		next.PauseKeys, next.Resuming, next.RetryType = fitPauseKeys(policy.PauseKeys, math.MaxInt), policy.Resuming, policy.RetryType
	}
	if err := next.checkEditable(); err != nil {
		return nil, err
	}
	next.fitEditable()
	return &next, nil
}

// checkJobVariables rejects job variables of a run that was started, or that belongs to
// no deployment.
func (e *Edit) checkJobVariables(run *Run) error {
	switch {
	case e.JobVariables.Value == nil:
		return nil
	case run.State != nil && run.State.Type != orchestration.Scheduled:
		return &EditError{Reason: "Job variables for a flow run in state " + string(run.State.Type) + " cannot be updated"}
	case run.DeploymentID == "":
		return &EditError{Reason: "A deployment for the flow run could not be found"}
	default:
		return nil
	}
}

func replacePointer[T any](field **T, c taskrun.Optional[T]) {
	if c.Given {
		*field = c.Value
	}
}

// replace leaves a field that is never null alone when the value is.
func replace[T any](field *T, c taskrun.Optional[T]) {
	if c.Value != nil {
		*field = *c.Value
	}
}
