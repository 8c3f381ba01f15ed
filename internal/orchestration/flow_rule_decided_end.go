package orchestration

// The rules of this file are not Prefect's. There, a process overwrites the end that was
// decided for its run while it still ran (flows contract §9.1, §9.3).

// keepDecidedEnd rejects what the process of a cancelled or crashed run reports
// afterwards: an end of its own, or the start of another attempt after a cancellation. A
// crashed run can run again, because its process may be a new one. Clients take the
// current state, which they get in the response. Force, and a schedule for a run of a
// deployment, change such a run.
var keepDecidedEnd = Rule[FlowRunFacts]{
	Name: "KeepDecidedEnd",
	From: []StateType{Cancelled, Crashed},
	To:   []StateType{Completed, Failed, Running},
	Evaluate: func(f FlowRunFacts) Verdict {
		crashed := f.Progress.State.Type == Crashed
		if !f.Progress.endDecided() || crashed && f.Proposed.Type == Running {
			return pass()
		}
		return rejectWithNothing(alreadyEnded(f.Progress.State))
	},
}

// keepCancelled rejects the crash of a cancelled run. Clients report it with force when a
// signal ends their process, and a user ends the process of a run that was cancelled.
var keepCancelled = Rule[FlowRunFacts]{
	Name: "KeepCancelled",
	From: []StateType{Cancelled},
	To:   []StateType{Crashed},
	Evaluate: func(f FlowRunFacts) Verdict {
		if !f.Progress.endDecided() {
			return pass()
		}
		return rejectWithNothing(alreadyEnded(f.Progress.State))
	},
}

// endDecided reports whether the run has ended in another state than its first one. A run
// that was created in its end is not decided: no process reports on it. The timestamp of
// a first state that ends the run is its expected start time (setExpectedStartTime).
func (p *FlowRunProgress) endDecided() bool {
	first := p.ExpectedStartTime == nil || p.State.Timestamp.Equal(*p.ExpectedStartTime)
	return p.State.Type.Terminal() && !first
}
