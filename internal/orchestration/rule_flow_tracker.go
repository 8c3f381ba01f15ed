package orchestration

// updateFlowRunTrackerOnTasks records the flow run's run count at an accepted
// start (contract §3.4). handleTaskTerminalStateTransitions compares it with
// the current one. A missing flow run is detected when the facts are gathered.
// Without a flow run, this rule records nothing.
var updateFlowRunTrackerOnTasks = Rule{
	Name:     "UpdateFlowRunTrackerOnTasks",
	From:     anyTypeOrNone,
	To:       []StateType{Running},
	Evaluate: evaluateFlowTracker,
}

func evaluateFlowTracker(f Facts) Verdict {
	if f.FlowRun == nil {
		return pass()
	}
	return Verdict{FlowRunRunCount: &f.FlowRun.RunCount}
}
