package orchestration

// preserveDeploymentConcurrencyLeaseID copies the lease id of a slot from state to state
// (flows contract §4.4.1). Prefect has it as a universal transform. As a rule it does the
// same: it never ends a transition, and there is nothing to roll back.
var preserveDeploymentConcurrencyLeaseID = Rule[FlowRunFacts]{
	Name:     "PreserveDeploymentConcurrencyLeaseId",
	From:     StateTypes,
	To:       StateTypes,
	Evaluate: evaluateLeaseID,
}

func evaluateLeaseID(f FlowRunFacts) Verdict {
	lease, proposed := f.Progress.State.Details.DeploymentConcurrencyLeaseID, f.Proposed
	if lease == "" || proposed.Details.DeploymentConcurrencyLeaseID != "" {
		return pass()
	}
	proposed.Details.DeploymentConcurrencyLeaseID = lease
	return edit(proposed)
}
