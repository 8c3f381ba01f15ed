package orchestration

// policyFor picks the policy of a proposal (contract §3.1). Only the proposed
// state's deferred detail counts, and it wins over force. Creating a run is a
// forced transition from no state.
func policyFor(f Facts) Policy {
	switch deferred := f.Proposed.Details.Deferred; {
	case deferred != nil && *deferred:
		return Background()
	case f.Force:
		return Minimal()
	default:
		return Core()
	}
}

// Each policy lists its rules in the order of contract §3.2. A rule that is named
// in a comment only has its place there, and comes when the fact it needs can be
// gathered.

// Core judges what clients propose for a run that they drive themselves.
//
// ReleaseTaskConcurrencySlots, which Prefect has in all policies, is nothing that
// would have to be done here: who holds a slot is told by the runs themselves. A
// slot counts as taken while its run is in the RUNNING it was taken for, or in
// what follows that without leaving RUNNING and CANCELLING (see HoldsSlots). So
// the very write of another state gives the slots back: no crash can come between
// the two, and force, retries and deferred states need no thought.
func Core() Policy {
	return Policy{
		cacheRetrieval,                      // first, so that a hit needs neither a slot nor a running flow
		handleTaskTerminalStateTransitions,  // guards what has finished; restarts the run count that later rules read
		preventRunningTasksFromStoppedFlows, // before the slots, so that a stopped flow's tasks ask for none
		secureTaskConcurrencySlots,          // before the rules that may change the start: then it fizzles, and no slot is taken
		copyScheduledTime,                   // a PENDING run keeps the time that waitForScheduledTime asks for
		waitForScheduledTime,                // nothing runs before its time
		retryFailedTasks,                    // a failure with retries left is another attempt to come
		renameReruns,                        // after the terminal rule: reads the run count it restarts
		updateFlowRunTrackerOnTasks,         // writes down which run of the flow a start belongs to
		cacheInsertion,                      // offers the result to later runs of its key
		// ReleaseTaskConcurrencySlots: done by the write itself, see above.
	}
}

// Background judges proposals of deferred states, of runs that wait for a worker.
func Background() Policy {
	return Policy{
		preventPendingTransitions,          // first: a run is delivered once, whatever other rules allow
		cacheRetrieval,                     // before all that a start needs
		handleTaskTerminalStateTransitions, // guards what has finished; restarts the run count that later rules read
		copyScheduledTime,                  // a PENDING run keeps the time that waitForScheduledTime asks for
		copyTaskParametersID,               // the worker finds the run's parameters by it
		waitForScheduledTime,               // nothing runs before its time
		retryFailedTasks,                   // a failure with retries left is another attempt to come
		renameReruns,                       // after the terminal rule: reads the run count it restarts
		updateFlowRunTrackerOnTasks,        // writes down which run of the flow a start belongs to
		cacheInsertion,                     // offers the result to later runs of its key
		// ReleaseTaskConcurrencySlots: see Core.
		// EnqueueScheduledTasks has no line: the queue is the set of runs that are SCHEDULED and deferred, so the
		// write of such a state puts it there.
	}
}

// Minimal judges forced proposals and first states. It refuses nothing.
func Minimal() Policy {
	return Policy{
		// ReleaseTaskConcurrencySlots: see Core; force does not keep slots either.
	}
}

// globalTransforms lists what every written state brings about, once all rules
// have spoken (contract §3.5). UpdateStateDetails has no line: the run's own ids
// are not kept in its states, so there is nothing to correct.
func globalTransforms() []transform {
	return []transform{
		separateTimestamps, // first: the others read the timestamp
		setRunState,        // Prefect's SetRunStateType, SetRunStateName and SetRunStateTimestamp in one
		setStartTime,
		setEndTime, // after setStartTime: fills the start of a run that never ran
		incrementRunTime,
		setExpectedStartTime,
		setNextScheduledStartTime,
		incrementTaskRunCount, // the rules have read the count without this start
	}
}
