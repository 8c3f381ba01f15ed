package usecase

import (
	"context"
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Count returns the number of matching runs.
func (l *Lister) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	return l.runs.Count(ctx, f)
}

// CountByState counts the matching runs by the type of their state. It returns
// each type, always in the same order, from one snapshot.
func (l *Lister) CountByState(ctx context.Context, f taskrun.Filter) ([]taskrun.StateCount, error) {
	counts := make([]taskrun.StateCount, 0, len(countedTypes))
	for _, kind := range countedTypes {
		counts = append(counts, taskrun.StateCount{Type: kind})
	}
	err := l.runs.Each(ctx, f, func(run *taskrun.Run) {
		if run.State == nil {
			return
		}
		if at := slices.Index(countedTypes, run.State.Type); at >= 0 {
			counts[at].Count++
		}
	})
	return counts, err
}

// CountByFlowRun counts the runs of each of the flow runs. It returns each flow
// run, from one snapshot.
func (l *Lister) CountByFlowRun(ctx context.Context, flowRunIDs []string) (map[string]int, error) {
	counts := make(map[string]int, len(flowRunIDs))
	for _, id := range flowRunIDs {
		counts[id] = 0
	}
	if len(counts) == 0 {
		return counts, nil
	}
	err := l.runs.Each(ctx, taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: flowRunIDs}}, func(run *taskrun.Run) {
		counts[run.FlowRunID]++
	})
	return counts, err
}

// countedTypes is in the order that clients expect (contract §1.5).
var countedTypes = []orchestration.StateType{
	orchestration.Completed, orchestration.Pending, orchestration.Running, orchestration.Failed, orchestration.Cancelled,
	orchestration.Crashed, orchestration.Paused, orchestration.Cancelling, orchestration.Scheduled,
}
