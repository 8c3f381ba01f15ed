package orchestration

// copyScheduledTime copies the scheduled time to the PENDING state of a
// delivered run (contract §3.4).
var copyScheduledTime = Rule{
	Name:     "CopyScheduledTime",
	From:     []StateType{Scheduled},
	To:       []StateType{Pending},
	Evaluate: evaluateCopyScheduledTime,
}

func evaluateCopyScheduledTime(f Facts) Verdict {
	initial, proposed := f.Run.State, f.Proposed
	if proposed.Details.ScheduledTime != nil || initial.Details.ScheduledTime == nil {
		return pass()
	}
	proposed.Details.ScheduledTime = initial.Details.ScheduledTime
	return edit(proposed)
}
