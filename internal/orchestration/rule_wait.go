package orchestration

import (
	"math"
	"time"
)

// waitForScheduledTime lets nothing run before its time (contract §3.4).
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

// longestDelay is the most whole seconds a Duration holds, some 292 years. Times
// further apart count as that far apart.
const longestDelay = math.MaxInt64 / time.Second * time.Second

// wholeSeconds rounds as Prefect does: the whole seconds, and the fraction
// rounded by itself, half to even. Half a second is therefore nothing, after any
// number of whole ones.
func wholeSeconds(d time.Duration) time.Duration {
	whole := d.Truncate(time.Second)
	if d-whole > time.Second/2 && whole < longestDelay {
		whole += time.Second
	}
	return whole
}
