package orchestration

import "time"

// EstimatedRunTime returns the time in RUNNING up to now (contract §2.1). It is never
// below 0, whatever the clocks of workers say.
func (p *Progress) EstimatedRunTime(now time.Time) time.Duration {
	if p.State != nil && p.State.Type == Running {
		return EstimateRunTime(p.TotalRunTime, p.State.Timestamp, now)
	}
	return max(p.TotalRunTime, 0)
}

// EstimateRunTime returns the time in RUNNING up to now of a run that was in RUNNING for a
// total time before, and again since a time.
func EstimateRunTime(total time.Duration, since, now time.Time) time.Duration {
	return max(total+max(now.Sub(since), 0), 0)
}

// EstimatedStartTimeDelta returns the delay between the expected start and the start, or
// the time now if the run has not started (contract §2.1).
func (p *Progress) EstimatedStartTimeDelta(now time.Time) time.Duration {
	expected, start := p.ExpectedStartTime, p.StartTime
	switch {
	case expected == nil:
		return 0
	case start != nil && start.After(*expected):
		return start.Sub(*expected)
	case start == nil && expected.Before(now) && !p.finished():
		return now.Sub(*expected)
	default:
		return 0
	}
}

func (p *Progress) finished() bool { return p.State != nil && p.State.Type.Terminal() }
