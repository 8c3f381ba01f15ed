package memory

import (
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// inUTC copies a run with all its times in UTC and microseconds, as stores
// return them.
func inUTC(run *taskrun.Run) *taskrun.Run {
	kept := *run
	kept.Created, kept.Updated, kept.EndRecorded = utc(run.Created), utc(run.Updated), utc(run.EndRecorded)
	for _, t := range []**time.Time{
		&kept.CacheExpiration, &kept.ExpectedStartTime, &kept.NextScheduledStartTime, &kept.StartTime, &kept.EndTime, &kept.ExpirationTime,
	} {
		*t = utcPointer(*t)
	}
	if run.State != nil {
		state := stateInUTC(*run.State)
		kept.State = &state
	}
	kept.History = slices.Clone(run.History)
	for i, state := range kept.History {
		kept.History[i] = stateInUTC(state)
	}
	kept.Decisions = slices.Clone(run.Decisions)
	for i := range kept.Decisions {
		kept.Decisions[i].EvaluatedAt = utc(kept.Decisions[i].EvaluatedAt)
	}
	return &kept
}

func stateInUTC(state orchestration.State) orchestration.State {
	state.Timestamp, state.Occurred = utc(state.Timestamp), utc(state.Occurred)
	state.Details = detailsInUTC(state.Details)
	return state
}

func detailsInUTC(details orchestration.StateDetails) orchestration.StateDetails {
	for _, t := range []**time.Time{&details.ScheduledTime, &details.CacheExpiration, &details.PauseTimeout} {
		*t = utcPointer(*t)
	}
	return details
}

func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func utcPointer(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := utc(*t)
	return &u
}
