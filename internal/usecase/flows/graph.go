package flows

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Graph returns the graph of a run (flows contract §2.4). A nil since leaves out no node.
// Errors: ErrNotFound, *flowrun.GraphSizeError.
func (s *Service) Graph(ctx context.Context, id string, since *time.Time) (*flowrun.Graph, error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := s.tasksOf(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	return flowrun.NewGraph(run, tasks, snapshot, since)
}

// Dependencies returns the task runs of a run by descending ids (flows contract §2.4).
// ErrNotFound.
func (s *Service) Dependencies(ctx context.Context, id string) ([]*taskrun.Run, error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	tasks, err := s.tasksOf(ctx, run.ID)
	slices.SortFunc(tasks, func(a, b *taskrun.Run) int { return cmp.Compare(b.ID, a.ID) })
	return tasks, err
}

// tasksOf returns the task runs of a flow run, in no order.
func (s *Service) tasksOf(ctx context.Context, flowRunID string) (tasks []*taskrun.Run, err error) {
	of := taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{flowRunID}}}
	err = s.TaskRuns.Each(ctx, of, func(run *taskrun.Run) { tasks = append(tasks, run) })
	return tasks, err
}
