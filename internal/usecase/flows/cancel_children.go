package flows

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// textParentCancelled is the message of children that are cancelled with their flow run
// (flows contract §6).
const textParentCancelled = "The parent flow run was cancelled."

const (
	// cancelsPerPass limits the children that one call of CancelChildren cancels.
	cancelsPerPass = 200
	// parallelCancels is the number of children that one call cancels at a time.
	parallelCancels = 8
)

// CancelChildren cancels the task runs and subflows of a run that is CANCELLED, if they
// have not ended: task runs by force, subflows by the rules, those of deployments through
// CANCELLING, because a worker ends their process (flows contract §6). The subflows come
// first, because their states are copied to their task runs. more reports that the call
// reached its limit: call it again. A child that cannot be cancelled does not stop the
// others. Errors: ErrUnavailable.
func (s *Service) CancelChildren(ctx context.Context, run *flowrun.Run) (more bool, err error) {
	if run.State == nil || run.State.Type != orchestration.Cancelled {
		return false, nil
	}
	subflows, taskRuns, err := s.unfinishedChildren(ctx, run.ID)
	if err != nil {
		return false, err
	}
	more = len(subflows)+len(taskRuns) > cancelsPerPass
	subflows = subflows[:min(len(subflows), cancelsPerPass)]
	taskRuns = taskRuns[:min(len(taskRuns), cancelsPerPass-len(subflows))]
	err = errors.Join(
		cancelEach(subflows, func(subflow *flowrun.Run) error { return s.cancelSubflow(ctx, subflow) }),
		cancelEach(taskRuns, func(id string) error { return s.TaskRuns.Cancel(ctx, id, textParentCancelled) }),
	)
	return more, err
}

// unfinishedChildren returns the subflows and the ids of the task runs of a run that have
// not ended, without the subflows that a worker is ending.
func (s *Service) unfinishedChildren(ctx context.Context, id string) (subflows []*flowrun.Run, taskRuns []string, err error) {
	snapshot, err := s.Store.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	ofRun := taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{id}}}
	err = s.TaskRuns.Each(ctx, ofRun, func(child *taskrun.Run) {
		if !child.Finished() {
			taskRuns = append(taskRuns, child.ID)
		}
		for subflow := range snapshot.Subflows(child.ID) {
			if !subflow.Finished() && !endsByWorker(subflow) {
				subflows = append(subflows, subflow)
			}
		}
	})
	return subflows, taskRuns, err
}

// endsByWorker reports whether a worker was asked to end the process of a run.
func endsByWorker(run *flowrun.Run) bool {
	return run.DeploymentID != "" && run.State != nil && run.State.Type == orchestration.Cancelling
}

// cancelEach calls cancel for every child. Errors are ErrUnavailable, whatever their
// reason, because the whole call is repeated.
func cancelEach[T any](children []T, cancel func(T) error) error {
	failed := make([]error, len(children))
	var group errgroup.Group
	group.SetLimit(parallelCancels)
	for i, child := range children {
		group.Go(func() error {
			if err := cancel(child); err != nil {
				failed[i] = fmt.Errorf("%w: cancel child: %v", taskrun.ErrUnavailable, err) //nolint:errorlint // one kind of error
			}
			return nil
		})
	}
	_ = group.Wait()
	return errors.Join(failed...)
}

// cancelSubflow cancels a subflow by the rules. What the rules keep as it is, a suspended
// run without a deployment, is cancelled by force: nothing else would ever end it.
func (s *Service) cancelSubflow(ctx context.Context, subflow *flowrun.Run) error {
	p := taskrun.Proposal{Type: orchestration.Cancelled, Message: new(textParentCancelled)}
	if subflow.DeploymentID != "" {
		p.Type = orchestration.Cancelling
	}
	outcome, err := s.SetState(ctx, subflow.ID, p)
	if err == nil && !outcome.Run.Finished() && !endsByWorker(outcome.Run) {
		p.Type, p.Force = orchestration.Cancelled, true
		_, err = s.SetState(ctx, subflow.ID, p)
	}
	return ignoreNotFound(err)
}
