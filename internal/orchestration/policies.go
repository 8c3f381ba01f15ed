package orchestration

// policyFor selects the policy of a proposal (contract §3.1). Only the proposed
// state's deferred detail counts, and it takes precedence over force. Creating a run is a
// forced transition from no state.
func policyFor(f Facts) Policy[Facts] {
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

// Core evaluates proposals of clients for runs that they execute themselves.
//
// ReleaseTaskConcurrencySlots, which Prefect has in all policies, is not necessary here,
// because the state of a run determines whether it holds a slot. A slot is in use while
// its run is in the RUNNING state that the slot was claimed for, or in later states
// within RUNNING and CANCELLING (see HoldsSlots). So the write of another state releases
// the slots: no crash can separate the two, and force, retries and deferred states are
// no special cases.
func Core() Policy[Facts] {
	return Policy[Facts]{
		cacheRetrieval,                      // first, so that a hit needs neither a slot nor a running flow
		handleTaskTerminalStateTransitions,  // guards what has finished; restarts the run count that later rules read
		preventRunningTasksFromStoppedFlows, // before the slots, so that tasks of a stopped flow need none
		secureTaskConcurrencySlots,          // before the rules that can change the start: then it fizzles, and no slot is claimed
		copyScheduledTime,                   // a PENDING run keeps the time that waitForScheduledTime reads
		waitForScheduledTime,                // nothing runs before its time
		retryFailedTasks,                    // a failure with retries left is another attempt to come
		renameReruns,                        // after the terminal rule: reads the run count it restarts
		updateFlowRunTrackerOnTasks,         // records the flow run count of a start
		cacheInsertion,                      // offers the result to later runs of its key
		// ReleaseTaskConcurrencySlots: done by the write itself, see above.
	}
}

// Background evaluates proposals of deferred states, of runs that wait for a worker.
func Background() Policy[Facts] {
	return Policy[Facts]{
		preventPendingTransitions,          // first: a run is delivered once, whatever other rules allow
		cacheRetrieval,                     // before all that a start needs
		handleTaskTerminalStateTransitions, // guards what has finished; restarts the run count that later rules read
		copyScheduledTime,                  // a PENDING run keeps the time that waitForScheduledTime reads
		copyTaskParametersID,               // the worker finds the run's parameters by it
		waitForScheduledTime,               // nothing runs before its time
		retryFailedTasks,                   // a failure with retries left is another attempt to come
		renameReruns,                       // after the terminal rule: reads the run count it restarts
		updateFlowRunTrackerOnTasks,        // records the flow run count of a start
		cacheInsertion,                     // offers the result to later runs of its key
		// ReleaseTaskConcurrencySlots: see Core.
		// EnqueueScheduledTasks has no entry: the queue is the set of runs that are SCHEDULED and deferred, so the
		// write of such a state puts it there.
	}
}

// Minimal evaluates forced proposals and first states. It rejects nothing.
func Minimal() Policy[Facts] {
	return Policy[Facts]{
		// ReleaseTaskConcurrencySlots: see Core; force does not keep slots either.
	}
}

// globalTransforms returns the transforms of every written state, after all rules
// (contract §3.5). Those of one kind of run alone follow: incrementTaskRunCount, and
// flowRunTransforms. UpdateStateDetails has no entry: the states do not have the ids of
// the run.
func globalTransforms() []transform {
	return []transform{
		separateTimestamps, // first: the others read the timestamp
		setRunState,        // Prefect's SetRunStateType, SetRunStateName and SetRunStateTimestamp in one
		setStartTime,
		setEndTime, // after setStartTime: fills the start of a run that never ran
		incrementRunTime,
		setExpectedStartTime,
		setNextScheduledStartTime,
	}
}
