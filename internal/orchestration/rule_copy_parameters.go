package orchestration

// copyTaskParametersID hands the id of a background run's stored parameters on
// until it runs (contract §3.4).
var copyTaskParametersID = Rule[Facts]{
	Name:     "CopyTaskParametersID",
	From:     []StateType{Scheduled, Pending},
	To:       []StateType{Pending, Running},
	Evaluate: evaluateCopyTaskParametersID,
}

func evaluateCopyTaskParametersID(f Facts) Verdict {
	initial, proposed := f.Run.State, f.Proposed
	if proposed.Details.TaskParametersID != "" || initial.Details.TaskParametersID == "" {
		return pass()
	}
	proposed.Details.TaskParametersID = initial.Details.TaskParametersID
	return edit(proposed)
}
