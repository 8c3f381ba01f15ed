package orchestration

import (
	"math"
	"time"
)

// waitForScheduledTime lets nothing run before its time (contract §3.4).
var waitForScheduledTime = Rule[Facts]{
	Name:     "WaitForScheduledTime",
	From:     []StateType{Scheduled, Pending},
	To:       []StateType{Running},
	Evaluate: func(f Facts) Verdict { return evaluateWait(f.Run.State, f.Now) },
}

// waitForScheduledTimeOfFlowRuns is the same for flow runs (flows contract §4.4.14).
var waitForScheduledTimeOfFlowRuns = Rule[FlowRunFacts]{
	Name:     waitForScheduledTime.Name,
	From:     waitForScheduledTime.From,
	To:       waitForScheduledTime.To,
	Evaluate: func(f FlowRunFacts) Verdict { return evaluateWait(f.Progress.State, f.Now) },
}

func evaluateWait(initial *State, now time.Time) Verdict {
	scheduled := initial.Details.ScheduledTime
	if scheduled == nil {
		return pass()
	}
	delay := wholeSeconds(scheduled.Sub(now))
	if delay <= 0 {
		return pass()
	}
	return wait(delay, "Scheduled time is in the future")
}

// longestDelay is the maximum of a Duration in whole seconds, about 292 years.
// It replaces longer delays.
const longestDelay = math.MaxInt64 / time.Second * time.Second

// wholeSeconds rounds as Prefect does: it adds the whole seconds and the
// fraction rounded half to even. Half a second therefore counts as zero,
// regardless of the whole seconds.
func wholeSeconds(d time.Duration) time.Duration {
	whole := d.Truncate(time.Second)
	if d-whole > time.Second/2 && whole < longestDelay {
		whole += time.Second
	}
	return whole
}
