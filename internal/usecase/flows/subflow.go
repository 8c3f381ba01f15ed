package flows

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// textParentCancelled is the message of children that are cancelled with their flow run
// (flows contract §6).
const textParentCancelled = "The parent flow run was cancelled."

// copyState gives the task run that stands for a subflow the state that the subflow's run
// has entered (flows contract §4.7). The state of the run is stored already, so an error is
// none of its caller's: RepairCopy makes up for it.
func (s *Service) copyState(ctx context.Context, run *flowrun.Run) {
	if run.ParentTaskRunID != "" {
		_ = s.copyCurrent(ctx, run, false)
	}
}

// RepairCopy gives the task run that stands for a subflow the state of its run, if the call
// that stored the state did not get to it. Errors: ErrUnavailable.
func (s *Service) RepairCopy(ctx context.Context, run *flowrun.Run) error {
	if run.ParentTaskRunID == "" || run.State == nil || s.TaskRuns.Cached(run.ParentTaskRunID) == nil {
		return nil // not a subflow, or its task run was deleted
	}
	return hideConflict(ignoreNotFound(s.copyCurrent(ctx, run, true)))
}

// copyCurrent copies the state of the run as it is known now.
func (s *Service) copyCurrent(ctx context.Context, run *flowrun.Run, repair bool) error {
	first := run
	return s.TaskRuns.CopySubflowState(ctx, run.ParentTaskRunID, repair, func(ctx context.Context) (*flowrun.Run, error) {
		if first != nil {
			known := first
			first = nil
			return known, nil
		}
		return s.Store.Get(ctx, run.ID)
	})
}

// parallelCancels is the number of children of one flow run that are cancelled at a time.
const parallelCancels = 8

// CancelChildren cancels the task runs and subflows of a run that is CANCELLED, if they
// have not ended: task runs by force, subflows by the rules, those of deployments through
// CANCELLING, because a worker ends their process (flows contract §6). Errors:
// ErrUnavailable.
func (s *Service) CancelChildren(ctx context.Context, run *flowrun.Run) error {
	if run.State == nil || run.State.Type != orchestration.Cancelled {
		return nil
	}
	snapshot, err := s.Store.Snapshot(ctx)
	if err != nil {
		return err
	}
	var taskRuns []string
	var subflows []*flowrun.Run
	ofRun := taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{run.ID}}}
	err = s.TaskRuns.Each(ctx, ofRun, func(child *taskrun.Run) {
		if !child.Finished() {
			taskRuns = append(taskRuns, child.ID)
		}
		for subflow := range snapshot.Subflows(child.ID) {
			if !subflow.Finished() {
				subflows = append(subflows, subflow)
			}
		}
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCancels)
	for _, subflow := range subflows {
		group.Go(func() error { return s.cancelSubflow(ctx, subflow) })
	}
	for _, id := range taskRuns {
		group.Go(func() error { return s.TaskRuns.Cancel(ctx, id, textParentCancelled) })
	}
	return group.Wait()
}

func (s *Service) cancelSubflow(ctx context.Context, subflow *flowrun.Run) error {
	p := taskrun.Proposal{Type: orchestration.Cancelled, Message: new(textParentCancelled)}
	if subflow.DeploymentID != "" {
		p.Type = orchestration.Cancelling
		if subflow.State != nil && subflow.State.Type == p.Type {
			return nil
		}
	}
	_, err := s.SetState(ctx, subflow.ID, p)
	return ignoreNotFound(err)
}
