package orchestration

// renameReruns gives a repeated RUNNING a different name than a first one, also
// if the proposal has a name. It comes after the rule that resets the run
// count, so a run that is restarted after its end keeps the proposed name
// (contract §3.4).
var renameReruns = Rule{
	Name:     "RenameReruns",
	From:     anyTypeOrNone,
	To:       []StateType{Running},
	Evaluate: evaluateRerun,
}

func evaluateRerun(f Facts) Verdict {
	if f.Run.State == nil || f.Run.RunCount <= 0 {
		return pass()
	}
	proposed := f.Proposed
	proposed.Name = NameRerunning
	if f.Run.State.Name == NameAwaitingRetry {
		proposed.Name = NameRetrying
	}
	return edit(proposed)
}
