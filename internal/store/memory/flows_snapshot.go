package memory

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// flowsSnapshot is a flowrun.Snapshot.
type flowsSnapshot struct {
	flows map[string]*flowrun.Flow
	runs  map[string]*flowrun.Run
}

func (s flowsSnapshot) Flows() iter.Seq[*flowrun.Flow] { return maps.Values(s.flows) }

func (s flowsSnapshot) Flow(id string) *flowrun.Flow { return s.flows[id] }

func (s flowsSnapshot) Runs() iter.Seq[*flowrun.Run] { return maps.Values(s.runs) }

func (s flowsSnapshot) Run(id string) *flowrun.Run { return s.runs[id] }

func (s flowsSnapshot) RunsOf(flowID string) iter.Seq[*flowrun.Run] {
	return func(yield func(*flowrun.Run) bool) {
		for _, run := range s.runs {
			if run.FlowID == flowID && !yield(run) {
				return
			}
		}
	}
}

// Subflow searches all runs. Of two that were created at the same time, the later id is
// the newer one.
func (s flowsSnapshot) Subflow(taskRunID string) (newest *flowrun.Run) {
	for _, run := range s.runs {
		if run.ParentTaskRunID != taskRunID {
			continue
		}
		if newest == nil || run.Created.After(newest.Created) || (run.Created.Equal(newest.Created) && run.ID > newest.ID) {
			newest = run
		}
	}
	return newest
}

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
