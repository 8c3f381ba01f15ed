package orchestration

import (
	"cmp"
	"slices"
	"strings"
)

// NameSuspended is the name of the PAUSED state of a run whose process has ended.
const NameSuspended = "Suspended"

// handlePausingFlows pauses running runs, each pause once (flows contract §4.4.11). A run
// can be suspended only if a deployment can start it again.
var handlePausingFlows = Rule[FlowRunFacts]{
	Name:     "HandlePausingFlows",
	From:     anyTypeOrNone,
	To:       []StateType{Paused},
	Evaluate: evaluatePausing,
}

func evaluatePausing(f FlowRunFacts) Verdict {
	verb, details := pauseVerb(&f.Proposed), &f.Proposed.Details
	key := f.NewPauseKey
	if details.PauseKey != nil {
		key = *details.PauseKey
	}
	switch initial := f.Progress.State; {
	case initial == nil:
		return abort("Cannot " + verb + " flows with no state.")
	case initial.Type != Running:
		return rejectWithNothing("Cannot " + verb + " flows that are not currently running.")
	case slices.Contains(f.Progress.PauseKeys, key):
		return rejectWithNothing("This " + verb + " has already fired.")
	case details.PauseReschedule && f.ParentTaskRunID != "":
		return abort("Cannot " + verb + " subflows.")
	case details.PauseReschedule && !f.HasDeployment:
		return abort("Cannot " + verb + " flows without a deployment.")
	default:
		return Verdict{FlowRun: &FlowRunEdits{PauseKey: &key}}
	}
}

func pauseVerb(proposed *State) string {
	if proposed.Name == NameSuspended {
		return "suspend"
	}
	return "pause"
}

// handleResumingPausedFlows lets a paused run continue or end before its deadline (flows
// contract §4.4.12). It marks the run as resuming in any case, also if it rejects: its TO
// set includes everything.
var handleResumingPausedFlows = Rule[FlowRunFacts]{
	Name:     "HandleResumingPausedFlows",
	From:     []StateType{Paused},
	To:       anyTypeOrNone,
	Evaluate: evaluateResuming,
}

func evaluateResuming(f FlowRunFacts) Verdict {
	v := evaluateLeavingPause(f)
	v.FlowRun = &FlowRunEdits{Resuming: true}
	return v
}

func evaluateLeavingPause(f FlowRunFacts) Verdict {
	initial, to := f.Progress.State, f.Proposed.Type
	name := strings.ToLower(cmp.Or(f.Proposed.Name, string(to)))
	timeout := initial.Details.PauseTimeout
	switch {
	case to == Cancelling:
		return pass()
	case to != Running && to != Scheduled && !to.Terminal():
		// The text shows how Prefect prints the types.
		return rejectWithNothing("This run cannot transition to the StateType." + string(to) + " state from the StateType.PAUSED state.")
	case initial.Details.PauseReschedule && !f.HasDeployment:
		return rejectWithNothing("Cannot reschedule a " + name + " flow run without a deployment.")
	case timeout != nil && timeout.Before(f.Now):
		failed := f.newState(Failed, Failed.DefaultName())
		failed.Message = new("The flow was " + name + " and never resumed.")
		return reject(failed, "The flow run "+pauseVerb(&f.Proposed)+" has timed out and can no longer resume.")
	default:
		return pass()
	}
}
