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

// CountByFlowRun counts the runs of each of the flow runs; each is there. Runs that stand
// for a subflow are not counted (contract §1.5). All of it is of one moment.
func (l *Lister) CountByFlowRun(ctx context.Context, flowRunIDs []string) (map[string]int, error) {
	counts := make(map[string]int, len(flowRunIDs))
	for _, id := range flowRunIDs {
		counts[id] = 0
	}
	if len(counts) == 0 {
		return counts, nil
	}
	isPlaceholder, err := l.placeholders(ctx)
	if err != nil {
		return nil, err
	}
	err = l.runs.Each(ctx, taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: flowRunIDs}}, func(run *taskrun.Run) {
		if !isPlaceholder(run.ID) {
			counts[run.FlowRunID]++
		}
	})
	return counts, err
}

// placeholders returns a function that reports whether a run stands for a subflow.
func (l *Lister) placeholders(ctx context.Context) (func(id string) bool, error) {
	if l.flows == nil {
		return func(string) bool { return false }, nil
	}
	snapshot, err := l.flows.Snapshot(ctx)
	return func(id string) bool { return snapshot.Subflow(id) != nil }, err
}

// countedTypes are in the order in which clients know them (contract §1.5).
var countedTypes = []orchestration.StateType{
	orchestration.Completed, orchestration.Pending, orchestration.Running, orchestration.Failed, orchestration.Cancelled,
	orchestration.Crashed, orchestration.Paused, orchestration.Cancelling, orchestration.Scheduled,
}
