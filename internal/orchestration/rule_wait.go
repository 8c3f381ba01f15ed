package orchestration

import (
	"math"
	"time"
)

// waitForScheduledTime prevents a start before the scheduled time (contract
// §3.4).
var waitForScheduledTime = Rule{
	Name:     "WaitForScheduledTime",
	From:     []StateType{Scheduled, Pending},
	To:       []StateType{Running},
	Evaluate: evaluateWait,
}

func evaluateWait(f Facts) Verdict {
	scheduled := f.Run.State.Details.ScheduledTime
	if scheduled == nil {
		return pass()
	}
	delay := wholeSeconds(scheduled.Sub(f.Now))
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
