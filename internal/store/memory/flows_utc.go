package memory

import (
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// flowInUTC copies a flow with its times in UTC and in microseconds.
func flowInUTC(flow *flowrun.Flow) *flowrun.Flow {
	kept := *flow
	kept.Created, kept.Updated = utc(flow.Created), utc(flow.Updated)
	return &kept
}

// flowRunInUTC copies a run with all its times in UTC and in microseconds.
func flowRunInUTC(run *flowrun.Run) *flowrun.Run {
	kept := *run
	kept.Created, kept.Updated, kept.EndRecorded = utc(run.Created), utc(run.Updated), utc(run.EndRecorded)
	for _, t := range []**time.Time{
		&kept.ExpectedStartTime, &kept.NextScheduledStartTime, &kept.StartTime, &kept.EndTime, &kept.ExpirationTime,
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
