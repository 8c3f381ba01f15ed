package orchestration

// copyScheduledTime keeps the scheduled time of a delivered run (contract §3.4).
var copyScheduledTime = Rule[Facts]{
	Name:     "CopyScheduledTime",
	From:     []StateType{Scheduled},
	To:       []StateType{Pending},
	Evaluate: func(f Facts) Verdict { return evaluateCopyScheduledTime(f.Run.State, f.Proposed) },
}

// copyScheduledTimeOfFlowRuns is the same for flow runs (flows contract §4.4.13).
var copyScheduledTimeOfFlowRuns = Rule[FlowRunFacts]{
	Name:     copyScheduledTime.Name,
	From:     copyScheduledTime.From,
	To:       copyScheduledTime.To,
	Evaluate: func(f FlowRunFacts) Verdict { return evaluateCopyScheduledTime(f.Progress.State, f.Proposed) },
}

func evaluateCopyScheduledTime(initial *State, proposed State) Verdict {
	if proposed.Details.ScheduledTime != nil || initial.Details.ScheduledTime == nil {
		return pass()
	}
	proposed.Details.ScheduledTime = initial.Details.ScheduledTime
	return edit(proposed)
}
