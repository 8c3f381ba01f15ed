package orchestration

import (
	"math"
	"time"
)

// transform makes one change that a written state brings about (contract §3.5).
// initial is what the run was in, nil if it never had a state. A transform
// assigns new pointers and never writes through those it finds.
type transform func(initial, proposed *State, p *Progress)

// earliest and latest bound the times that rules and transforms compute: years
// 1 to 9999 is what the wire can carry (contract §2.0). The very first second
// is left out because the zero time.Time stands for no time in many places.
var (
	earliest = time.Date(1, time.January, 1, 0, 0, 1, 0, time.UTC)
	latest   = time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// separateTimestamps makes the states of a run follow each other in time: a
// state that is not later than the one before is moved to one microsecond after
// it (contract §3.5, Reco). At the end of year 9999 there is no such time, and
// the two are equal.
func separateTimestamps(initial, proposed *State, _ *Progress) {
	proposed.Timestamp = proposed.Timestamp.Truncate(time.Microsecond)
	if initial == nil || proposed.Timestamp.After(initial.Timestamp) {
		return
	}
	proposed.Timestamp = NextTime(initial.Timestamp)
}

// NextTime returns the time one microsecond after another one, in UTC. At the end
// of year 9999 there is none, and it is the same.
func NextTime(after time.Time) time.Time {
	after = after.UTC().Truncate(time.Microsecond)
	if next := after.Add(time.Microsecond); !next.After(latest) {
		return next
	}
	return after
}

// setRunState makes the proposed state the run's current one.
func setRunState(_, proposed *State, p *Progress) {
	p.State = proposed
}

// setStartTime notes when the run first entered RUNNING.
func setStartTime(_, proposed *State, p *Progress) {
	if proposed.Type == Running && p.StartTime == nil {
		p.StartTime = new(proposed.Timestamp)
	}
}

// setEndTime notes when the run finished, and forgets it when the run goes on.
// From one terminal state to another the first end stays. A run that finished
// without having run started at its end.
func setEndTime(initial, proposed *State, p *Progress) {
	if initial.typ().Terminal() && !proposed.Type.Terminal() {
		p.EndTime = nil
	}
	if !proposed.Type.Terminal() || p.EndTime != nil {
		return
	}
	p.EndTime = new(proposed.Timestamp)
	if p.StartTime == nil {
		p.StartTime = new(proposed.Timestamp)
	}
}

// incrementRunTime adds the time in RUNNING when the run leaves it, also for
// another RUNNING. It stops at the longest Duration, some 292 years. The time
// is never negative, because separateTimestamps came before.
func incrementRunTime(initial, proposed *State, p *Progress) {
	if initial.typ() != Running {
		return
	}
	spent := proposed.Timestamp.Sub(initial.Timestamp)
	if p.TotalRunTime > math.MaxInt64-spent {
		p.TotalRunTime = math.MaxInt64
		return
	}
	p.TotalRunTime += spent
}

// setExpectedStartTime notes once, from the first state, when the run was meant
// to start.
func setExpectedStartTime(_, proposed *State, p *Progress) {
	switch {
	case p.ExpectedStartTime != nil:
	case proposed.Type == Scheduled && proposed.Details.ScheduledTime != nil:
		p.ExpectedStartTime = proposed.Details.ScheduledTime
	default:
		p.ExpectedStartTime = new(proposed.Timestamp)
	}
}

// setNextScheduledStartTime follows the scheduled time while the run is
// SCHEDULED, and forgets it when the run leaves SCHEDULED.
func setNextScheduledStartTime(initial, proposed *State, p *Progress) {
	if initial.typ() == Scheduled {
		p.NextScheduledStartTime = nil
	}
	if proposed.Type == Scheduled {
		p.NextScheduledStartTime = proposed.Details.ScheduledTime
	}
}

// incrementTaskRunCount counts entries into RUNNING, also from RUNNING.
func incrementTaskRunCount(_, proposed *State, p *Progress) {
	if proposed.Type == Running && p.RunCount < math.MaxInt64 {
		p.RunCount++
	}
}
