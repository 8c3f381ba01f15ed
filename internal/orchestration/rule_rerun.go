package orchestration

// renameReruns tells a repeated RUNNING from a first one by its name, even if
// the proposal has a name of its own (contract §3.4). It comes after the rule
// that restarts the run count, so a run that is restarted after its end keeps
// the proposed name.
var renameReruns = Rule[Facts]{
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
