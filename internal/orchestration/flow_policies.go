package orchestration

// rules returns the rules of a policy for flow runs, in the order of flows contract §4.1.
// A rule that is named in a comment only has its place there, and comes with deployments.
// InstrumentFlowRunStateTransitions has no entry: the caller emits events after the write.
//
// ReleaseFlowConcurrencySlots has no entry either: a run of a deployment holds a slot by
// its states, as a task run does (see Core), so the write of the next state releases it.
//
// What Prefect does for clients of API versions below 0.8.4 is left out: such clients do
// not set the marks of pauses and retries.
func (p FlowRunPolicy) rules() Policy[FlowRunFacts] {
	switch p {
	case FlowRunMinimal:
		return Policy[FlowRunFacts]{
			preventResultDataLoss,
			keepCancelled,               // no rule of Prefect's
			bypassCancellingWithNoInfra, // also by force: nothing runs that could end as CANCELLED
		}
	case FlowRunLate:
		return Policy[FlowRunFacts]{
			ensureOnlyScheduledFlowsMarkedLate,
			// EnforceDeploymentConcurrencyOnLate: the limit of the deployment.
		}
	default:
		return coreFlowRunRules()
	}
}

func coreFlowRunRules() Policy[FlowRunFacts] {
	return Policy[FlowRunFacts]{
		preserveDeploymentConcurrencyLeaseID, // first, so that all rules see the lease
		preventDuplicateTransitions,          // a repeated proposal is evaluated once
		handleFlowTerminalStateTransitions,   // guards finished runs; clears the marks that later rules read
		keepDecidedEnd,                       // no rule of Prefect's; after the guard, which has reasons of its own
		enforceCancellingToCancelled,
		bypassCancellingWithNoInfra, // before the rules of pauses: then a suspended run can be cancelled
		preventPendingFlowRuns,      // a run is submitted once
		// ValidateDeploymentConcurrencyAtRunning: renews the lease of a slot.
		// SecureFlowConcurrencySlots: takes a slot of the deployment's limit.
		// RemoveDeploymentConcurrencyLeaseForOldClientVersions: of clients that do not renew leases.
		ensureOnlyScheduledFlowsMarkedLate,
		handlePausingFlows,
		handleResumingPausedFlows,
		copyScheduledTimeOfFlowRuns, // a PENDING run keeps the time that the next rule reads
		waitForScheduledTimeOfFlowRuns,
		retryFailedFlows, // a failure with retries left becomes another attempt
	}
}

// flowRunTransforms returns the transforms of flow runs, after the global ones (flows
// contract §4.5). UpdateSubflowParentTask has no entry: the caller copies the state to the
// placeholder after the write. UpdateSubflowStateDetails has none: the states do not have
// the ids of the run.
func flowRunTransforms() []flowRunTransform {
	return []flowRunTransform{
		incrementFlowRunCount,   // reads the mark that the next one removes
		removeResumingIndicator, // before the after hooks, which can set it again
	}
}
