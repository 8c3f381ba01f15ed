package orchestration

import (
	"math"
	"time"
)

// retryFailedTasks schedules another attempt in place of a failure, as long as
// the run has retries left (contract §3.4). The new state is not deferred.
var retryFailedTasks = Rule[Facts]{
	Name:     "RetryFailedTasks",
	From:     []StateType{Running},
	To:       []StateType{Failed},
	Evaluate: evaluateRetry,
}

func evaluateRetry(f Facts) Verdict {
	if !f.mayRetry() {
		return pass()
	}
	delay := f.Run.Policy.delay(f.Run.RunCount, f.Draw)
	retry := f.newState(Scheduled, NameAwaitingRetry)
	retry.Message, retry.Data = f.Proposed.Message, f.Proposed.Data
	retry.Details.ScheduledTime = new(addSeconds(f.Now, delay))
	return reject(retry, "Retrying")
}

// mayRetry reports whether retries are left and the failure is not marked as
// final by the client. The run count includes the attempt that failed.
func (f Facts) mayRetry() bool {
	if retriable := f.Proposed.Details.Retriable; retriable != nil && !*retriable {
		return false
	}
	retries := f.Run.Policy.Retries
	return retries != nil && float64(f.Run.RunCount) <= *retries
}

// delay returns the seconds until the next attempt, after the given number of
// attempts. It can be negative, infinite or NaN if the policy has such values.
func (p RetryPolicy) delay(attempts int64, draw float64) float64 {
	if len(p.Delays) == 0 {
		return 0
	}
	delay := p.Delays[min(max(attempts, 1), int64(len(p.Delays)))-1]
	if p.JitterFactor != 0 && delay > 0 {
		return jitter(delay, p.JitterFactor, draw)
	}
	return delay
}

// jitter spreads delays around an average. It draws from an exponential
// distribution with an upper limit of 1+factor averages and a lower limit that
// keeps the mean close to the average (contract §3.4). draw in [0,1) selects
// the point between the limits.
func jitter(average, factor, draw float64) float64 {
	// Both limits are in units of the average, which prevents overflows.
	upper, lower := 1+factor, 0.0
	if upper < 50 { // for larger factors, the lower limit is too close to 0 to compute
		p := math.Exp2(upper)
		lower = math.Log2(p / (p - 1))
	}
	share := func(x float64) float64 { return 1 - math.Exp(-x) }
	u := share(lower) + draw*(share(upper)-share(lower))
	return -math.Log(max(1-u, 1e-10)) * average
}

// addSeconds returns t plus a number of seconds, in UTC and rounded to
// microseconds. The result is limited to the years that can be written. NaN
// adds nothing.
func addSeconds(t time.Time, seconds float64) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	switch {
	case math.IsNaN(seconds):
		return t
	case seconds >= float64(latest.Unix()-t.Unix()):
		return latest
	case seconds <= float64(earliest.Unix()-t.Unix()):
		return earliest
	}
	// A Duration cannot hold more than about 292 years.
	whole, fraction := math.Modf(seconds)
	micros := time.Duration(math.RoundToEven(fraction * 1e6))
	return time.Unix(t.Unix()+int64(whole), int64(t.Nanosecond())).UTC().Add(micros * time.Microsecond)
}
