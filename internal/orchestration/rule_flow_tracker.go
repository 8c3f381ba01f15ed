package orchestration

// updateFlowRunTrackerOnTasks remembers which run of the flow a start belongs
// to, once it came about (contract §3.4). handleTaskTerminalStateTransitions
// compares with it. That a flow run is gone is found out before the judgement,
// when the facts are gathered; without a flow run there is nothing to remember.
var updateFlowRunTrackerOnTasks = Rule[Facts]{
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
