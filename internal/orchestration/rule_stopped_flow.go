package orchestration

// preventRunningTasksFromStoppedFlows lets a task start only while its flow runs
// (contract §3.4). Without the facts of a flow run it has nothing to say.
var preventRunningTasksFromStoppedFlows = Rule[Facts]{
	Name:     "PreventRunningTasksFromStoppedFlows",
	From:     anyTypeOrNone,
	To:       []StateType{Running},
	Evaluate: evaluateStoppedFlow,
}

func evaluateStoppedFlow(f Facts) Verdict {
	if f.FlowRun == nil {
		return pass()
	}
	flow := f.FlowRun.State
	switch flow.typ() {
	case Running:
		return pass()
	case Paused:
		paused := f.newState(Paused, NameNotReady)
		paused.Details.PauseTimeout = flow.Details.PauseTimeout
		paused.Details.PauseReschedule = flow.Details.PauseReschedule
		return reject(paused, "The flow is paused, new tasks can execute after resuming flow run: "+f.Run.FlowRunID+".")
	default:
		return abort("The enclosing flow must be running to begin task execution.")
	}
}
